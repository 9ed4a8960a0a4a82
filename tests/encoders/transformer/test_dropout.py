"""Dropout: as much as was asked for, independent, anew each time, and the gradient with it."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.encoders.transformer.dropout import Dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_it_drops_its_share_and_keeps_the_expected_sum(rate):
    ones = tf.ones((401, 7, 99))
    kept = Dropout(rate, seed=0)(ones, training=True).numpy()
    assert np.isclose(kept.max(), 1 / (1 - rate), rtol=1e-4)
    spread = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(np.mean(kept == 0) - rate) < 4 * spread
    for axis in range(3):  # as independent draws would, also of neighbours
        neighbours = np.take(kept, range(1, kept.shape[axis]), axis).ravel() == 0
        same = np.take(kept, range(kept.shape[axis] - 1), axis).ravel() == 0
        assert abs(np.corrcoef(same, neighbours)[0, 1]) < 4 / np.sqrt(same.size)


def test_each_call_draws_anew_and_a_seed_gives_the_same():
    ones = tf.ones((3, 333))
    first, other = Dropout(0.5, seed=1), Dropout(0.5, seed=1)
    calls = [first(ones, training=True).numpy() for _ in range(3)]
    assert len({call.tobytes() for call in calls}) == 3
    assert np.array_equal(calls[0], other(ones, training=True).numpy())


def test_outside_training_and_at_rate_0_nothing_changes():
    numbers = tf.random.normal((5, 5))
    assert Dropout(0.5)(numbers) is numbers
    assert Dropout(0.0)(numbers, training=True) is numbers


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_gradient_is_dropped_with_the_value(dtype, jit_compile):
    layer = Dropout(0.3, seed=2, dtype=dtype)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def both(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        return outputs, tape.gradient(outputs, inputs)

    outputs, gradient = both(tf.ones((8, 33), dtype))
    assert outputs.dtype == dtype
    assert 0 < np.mean(outputs == 0) < 0.6
    assert np.array_equal(outputs, gradient)
