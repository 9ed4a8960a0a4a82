"""A model out of its `.keras` file."""

import functools
from pathlib import Path
from types import SimpleNamespace

import keras

from mtl_keras.models.multi_task_model import MultiTaskModel


def load_model(path: str | Path, *, compile: bool = True) -> MultiTaskModel:
    """Loads a `.keras` file of a `MultiTaskModel`.

    As `keras.saving.load_model`, with this package's layers known to it.

    Args:
        path: of the file.
        compile: whether it is compiled as it was saved, with its optimizer's state.
    """
    # Keras makes the model from its config, then reads the weights that replace all of its own.
    make = functools.partial(MultiTaskModel.from_config, initialize=False)
    name = keras.saving.get_registered_name(MultiTaskModel)
    with keras.saving.custom_object_scope({name: SimpleNamespace(from_config=make)}):
        return keras.saving.load_model(path, compile=compile)
