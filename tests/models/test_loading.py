"""Models out of `.keras` files; what earlier versions wrote: `test_files_of_0_1_0.py`."""

import zipfile

import keras
import pytest

import mtl_keras as mtl
from mtl_keras.errors import InputError


@pytest.mark.slow
def test_loading_draws_no_weights_that_the_files_replace(tiny_model, tmp_path, monkeypatch):
    model = tiny_model()
    model.save(tmp_path / "model.keras")
    initializer, drawn = keras.initializers.TruncatedNormal, []
    draw = initializer.__call__

    def recorded(self, shape, dtype=None):
        drawn.append(shape)
        return draw(self, shape, dtype)

    monkeypatch.setattr(initializer, "__call__", recorded)
    mtl.load_model(tmp_path / "model.keras")
    assert not drawn
    mtl.MultiTaskModel.from_config(model.get_config())
    assert drawn


def test_a_file_that_unpacks_to_far_more_than_it_is_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(10_000_000))
    with pytest.raises(
        InputError, match=r"model\.keras: unpacks to 10,000,002 bytes, more than 20"
    ):
        mtl.load_model(path)
