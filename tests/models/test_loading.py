"""Models out of `.keras` files; what earlier versions wrote: `test_files_of_0_1_0.py`."""

import keras

import mtl_keras as mtl


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
