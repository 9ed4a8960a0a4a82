"""A model of this package out of its `.keras` file, in Keras's safe mode, its sizes checked."""

import contextlib
import functools
import json
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras

from mtl_keras.errors import InputError, UnsafeFileError
from mtl_keras.storage import hdf5
from mtl_keras.storage.limits import SMALL_FILE
from mtl_keras.storage.refusals import cause, errno_of
from mtl_keras.storage.regular_files import open_regular

# How Keras begins to say what it refuses, before it advises to allow it.
_UNSAFE = re.compile(
    r"Requested the deserialization of [^.]*|Cannot deserialize `[^`]*`"
    r"|Not allowed: [^\n]*?(?=\. |\n|$)"
)
_UNKNOWN = re.compile(r"Could not locate \w+ '[^']*'|Could not deserialize (\w+ )?'[^']*'")
MODEL = "mtl_keras>MultiTaskModel"  # as it is registered with Keras
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
KERAS_MODELS = ("Sequential", "Functional", "Model")
MOST_TIMES = 20  # what a file may unpack to, in its own size: Keras packs nothing


def load_keras_file(path: str | Path, *, compile: bool) -> Any:
    """Loads a `.keras` file of a `MultiTaskModel`, which belongs to a later room.

    Args:
        path: of the file.
        compile: whether it is compiled as it was saved, with its optimizer's state.

    Raises:
        UnsafeFileError: it would unpack to far more than it is, or holds what could run code or
            read other files.
        InputError: it is absent, or the system refuses to read it.
    """
    with _reading(Path(path)):
        stored = _check(Path(path))
    # Keras makes the model from its config, then reads the weights that replace all of its own.
    kind = keras.saving.get_custom_objects()[MODEL]
    make = functools.partial(kind.from_config, initialize=False, most_weights=stored)
    scope = keras.saving.custom_object_scope({MODEL: SimpleNamespace(from_config=make)})
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


def _check(path: Path) -> float:
    """How many numbers a file of weights in a `.keras` file holds, after all sizes are checked."""
    with open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            return math.inf  # Keras says what is wrong
        with zipfile.ZipFile(file) as archive:
            members = {member.filename: member.file_size for member in archive.infolist()}
            _check_unpacked(path, sum(members.values()))
            if not {CONFIG, WEIGHTS} <= {*members}:
                return math.inf
            _check_class(path, archive)
            return _count_stored(archive, members[WEIGHTS])


def _count_stored(archive: zipfile.ZipFile, size: int) -> int:
    """How many numbers the file of weights holds; none if it is damaged."""
    try:
        with archive.open(WEIGHTS) as weights:
            return hdf5.count(hdf5.stored_shapes(weights, size))
    except OSError as error:
        if errno_of(error) is not None:
            raise
        return 0


def _check_unpacked(path: Path, unpacked: int) -> None:
    if unpacked > MOST_TIMES * path.stat().st_size:
        raise UnsafeFileError(
            f"{path}: unpacks to {unpacked:,} bytes, more than {MOST_TIMES} times its size, which "
            "no file of Keras does; do not use it"
        )


def _check_class(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuses Keras's own models, of any size, which are built before they can be looked at."""
    with archive.open(CONFIG) as file:
        content = file.read(SMALL_FILE.most + 1)
    if len(content) > SMALL_FILE.most:
        raise UnsafeFileError(f"{path}: its {CONFIG} has {SMALL_FILE}")
    config = None
    with contextlib.suppress(ValueError, RecursionError):  # Keras says what is wrong
        config = json.loads(content)
    name = config.get("class_name") if isinstance(config, dict) else None
    if name in KERAS_MODELS:
        raise UnsafeFileError(f"{path}: not a MultiTaskModel but {name}; do not use it")
