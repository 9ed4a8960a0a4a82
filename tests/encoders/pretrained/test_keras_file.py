"""Models out of `.keras` files, by the name of their class; more in `models/test_loading.py`."""

import keras
import pytest

import mtl_keras as mtl
from mtl_keras.encoders.pretrained.keras_file import MODEL, load_keras_file
from mtl_keras.errors import UnsafeFileError


def test_the_class_is_found_by_the_name_that_it_is_registered_by(tiny_model, tmp_path):
    tiny_model().save(tmp_path / "model.keras")
    model = load_keras_file(tmp_path / "model.keras", compile=False)
    assert keras.saving.get_registered_name(type(model)) == MODEL
    assert isinstance(model, mtl.MultiTaskModel)


def test_a_model_of_keras_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(UnsafeFileError, match="not a MultiTaskModel but Sequential"):
        load_keras_file(tmp_path / "model.keras", compile=False)
