"""`fit` and `evaluate` under a strategy. Several workers train in `test_replicas.py`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.distribution.fitting import DistributedFit


class Model(DistributedFit, keras.Model):
    """Any functional model takes the mix-in."""


def _model() -> Model:
    inputs = keras.Input((2,))
    model = Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile(keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])
    return model


@pytest.mark.slow
def test_a_dataset_keeps_its_order_and_every_result_reaches_the_history():
    x, y = np.eye(2, dtype=np.float32), np.zeros((2, 1), np.float32)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(1)
    history = _model().fit(batches, validation_data=batches, epochs=2, verbose=0).history
    assert set(history) == {"loss", "mae", "val_loss", "val_mae"}
    again = _model().fit(batches, validation_data=batches, epochs=2, verbose=0).history
    assert history == again


def test_what_is_no_dataset_is_keras_own_affair():
    model = _model()
    x, y = np.ones((4, 2), np.float32), np.full((4, 1), 2.0, np.float32)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == 0
