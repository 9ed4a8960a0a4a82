"""Loads a model from its `.keras` file."""

from pathlib import Path

from mtl_keras.encoders.pretrained.keras_file import load_keras_file
from mtl_keras.models.multi_task_model import MultiTaskModel


def load_model(path: str | Path, *, compile: bool = True) -> MultiTaskModel:
    """Loads a `.keras` file of a `MultiTaskModel`.

    Works as `keras.saving.load_model`, with this package's layers registered.

    Args:
        path: path of the file.
        compile: whether to compile the model as it was saved, with the optimizer's state.

    Raises:
        UnsafeFileError: the file would unpack to far more than its size, or holds something that
            could run code or read other files.
        InputError: the file is absent or cannot be read.
    """
    model: MultiTaskModel = load_keras_file(path, compile=compile)
    return model
