"""The fused AdamW beside Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.models.fused_adamw import FusedAdamW


def _model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, name="lower")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="upper")(hidden))


def _gradients(model, seed=0):
    generator = np.random.default_rng(seed)
    return [
        tf.constant(generator.normal(size=v.shape), tf.float32) for v in model.trainable_variables
    ]


def _values(model):
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_fused_adamw_equals_keras_adamw(jit_compile):
    settings = {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 1e-8}
    models, collected = (_model(), _model()), []
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
            step(_gradients(model, seed))
        collected.append(_values(model) + [variable.numpy() for variable in optimizer.variables])
    for expected, value in zip(*collected, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_the_fused_adamw_takes_sparse_gradients():
    table = keras.Variable(np.ones((4, 2), np.float32), name="table")
    optimizer = FusedAdamW(learning_rate=0.1, weight_decay=0.0)
    sparse = tf.IndexedSlices(tf.ones((2, 2)), tf.constant([1, 1]), tf.constant([4, 2]))
    optimizer.apply([sparse], [table])
    np.testing.assert_allclose(table.numpy()[1], 0.9, atol=1e-6)
    np.testing.assert_array_equal(table.numpy()[[0, 2, 3]], 1)
