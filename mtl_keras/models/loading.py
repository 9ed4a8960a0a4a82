"""A model out of its `.keras` file."""

from pathlib import Path

from mtl_keras.encoders.pretrained.keras_file import load_keras_file
from mtl_keras.models.multi_task_model import MultiTaskModel


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
    model: MultiTaskModel = load_keras_file(path, compile=compile)
    return model
