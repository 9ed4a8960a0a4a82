"""A model out of its `.keras` file."""

import functools
import zipfile
from pathlib import Path
from types import SimpleNamespace

import keras

from mtl_keras.errors import InputError
from mtl_keras.models.multi_task_model import MultiTaskModel

MOST_TIMES = 20  # what a file may unpack to, in its own size: Keras packs nothing


def load_model(path: str | Path, *, compile: bool = True) -> MultiTaskModel:
    """Loads a `.keras` file of a `MultiTaskModel`.

    As `keras.saving.load_model`, with this package's layers known to it.

    Args:
        path: of the file.
        compile: whether it is compiled as it was saved, with its optimizer's state.

    Raises:
        InputError: it would unpack to far more than it is.
    """
    _check_unpacked_size(Path(path))
    # Keras makes the model from its config, then reads the weights that replace all of its own.
    make = functools.partial(MultiTaskModel.from_config, initialize=False)
    name = keras.saving.get_registered_name(MultiTaskModel)
    with keras.saving.custom_object_scope({name: SimpleNamespace(from_config=make)}):
        return keras.saving.load_model(path, compile=compile)


def _check_unpacked_size(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return  # Keras says what is wrong
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MOST_TIMES * path.stat().st_size:
        raise InputError(
            f"{path}: unpacks to {unpacked:,} bytes, more than {MOST_TIMES} times its size, which "
            "no file of Keras does; do not use it"
        )
