"""A model out of its `.keras` file."""

import contextlib
import functools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import keras

from mtl_keras.errors import InputError, UnsafeFileError
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.storage.refusals import cause

# How Keras begins to say what it refuses, before it advises to allow it.
_UNSAFE = re.compile(
    r"Requested the deserialization of [^.]*|Cannot deserialize `[^`]*`"
    r"|Not allowed: [^\n]*?(?=\. |\n|$)"
)
_UNKNOWN = re.compile(r"Could not locate \w+ '[^']*'|Could not deserialize (\w+ )?'[^']*'")
MOST_TIMES = 20  # what a file may unpack to, in its own size: Keras packs nothing


def load_model(path: str | Path, *, compile: bool = True) -> MultiTaskModel:
    """Loads a `.keras` file of a `MultiTaskModel`.

    As `keras.saving.load_model`, with this package's layers known to it.

    Args:
        path: of the file.
        compile: whether it is compiled as it was saved, with its optimizer's state.

    Raises:
        UnsafeFileError: it would unpack to far more than it is, or holds what could run code or
            read other files.
        InputError: it is absent, or the system refuses to read it.
    """
    with _reading(Path(path)):
        _check_size(Path(path))
    # Keras makes the model from its config, then reads the weights that replace all of its own.
    make = functools.partial(MultiTaskModel.from_config, initialize=False)
    name = keras.saving.get_registered_name(MultiTaskModel)
    scope = keras.saving.custom_object_scope({name: SimpleNamespace(from_config=make)})
    try:
        with scope:
            return keras.saving.load_model(path, compile=compile)
    except (ValueError, TypeError) as error:
        if held := _UNSAFE.search(str(error)):
            cure = "do not use it"
        elif held := _UNKNOWN.search(str(error)):
            cure = "import what defines it if that is yours, else do not use it"
        else:
            raise
        raise UnsafeFileError(
            f"{path}: refused as unsafe: it holds what no model of mtl_keras does ({held[0]}); "
            f"{cure}"
        ) from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {cause(error)}") from error


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            return  # Keras says what is wrong
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MOST_TIMES * size:
        raise UnsafeFileError(
            f"{path}: unpacks to {unpacked:,} bytes, more than {MOST_TIMES} times its size, which "
            "no file of Keras does; do not use it"
        )
