"""The arithmetic of protections, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.models.guards import softened_divergence


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_softening_needs_no_logits(temperature):
    generator = np.random.default_rng(0)
    target, output = generator.normal(0, 3, (2, 5, 4))

    def softmax(logits):
        return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

    q, p = softmax(target / temperature), softmax(output / temperature)
    expected = temperature**2 * np.sum(q * np.log(q / p), axis=-1)
    found = softened_divergence(softmax(target), softmax(output), temperature)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_certainty_is_finite_and_keeps_its_gradient():
    logits = tf.constant([[60.0, 0.0]])  # float32: one of e^60, about 1e26
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = softened_divergence(tf.constant([[0.0, 1.0]]), tf.nn.softmax(logits), 2.0)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(loss).all()
    np.testing.assert_allclose(gradient, [[2.0, -2.0]], rtol=1e-4)
