"""The fused AdamW beside Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.two_layers import gradients_of, two_layers, values_of

from mtl_keras.models.fused_adamw import FusedAdamW


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_fused_adamw_equals_keras_adamw(jit_compile):
    settings = {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 1e-8}
    models, collected = (two_layers(), two_layers()), []
    for model, make in zip(models, (keras.optimizers.AdamW, FusedAdamW), strict=True):
        optimizer = make(**settings)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.build(model.trainable_variables)
        step = tf.function(
            lambda gradients, optimizer=optimizer, model=model: optimizer.apply(
                gradients, model.trainable_variables
            ),
            jit_compile=jit_compile,
        )
        for seed in range(5):
            step(gradients_of(model, seed))
        collected.append(values_of(model) + [variable.numpy() for variable in optimizer.variables])
    for expected, value in zip(*collected, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_the_fused_adamw_takes_sparse_gradients():
    table = keras.Variable(np.ones((4, 2), np.float32), name="table")
    optimizer = FusedAdamW(learning_rate=0.1, weight_decay=0.0)
    sparse = tf.IndexedSlices(tf.ones((2, 2)), tf.constant([1, 1]), tf.constant([4, 2]))
    optimizer.apply([sparse], [table])
    np.testing.assert_allclose(table.numpy()[1], 0.9, atol=1e-6)
    np.testing.assert_array_equal(table.numpy()[[0, 2, 3]], 1)
