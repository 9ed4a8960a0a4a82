"""The arithmetic of protections, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtl_keras.models.gradients import project, softened_divergence

SHAPES = [(2, 3), (4,)]


@st.composite
def vectors(draw):
    """A gradient of two tensors, with components of size 1 or exactly 0."""
    elements = st.floats(-1, 1, width=32).map(lambda x: x if abs(x) > 1e-3 else 0.0)
    return [draw(arrays.arrays(np.float32, shape, elements=elements)) for shape in SHAPES]


def _flat(tensors):
    return np.concatenate([np.ravel(tensor) for tensor in tensors]).astype(np.float64)


@given(vectors(), vectors())
def test_after_projection_there_is_no_conflict_and_without_one_nothing_changes(new, protected):
    found = _flat(project(new, protected))
    g, p = _flat(new), _flat(protected)
    assert found @ p >= -1e-6
    expected = g - (g @ p) / (p @ p) * p if g @ p < 0 else g
    np.testing.assert_allclose(found, expected, atol=1e-5)
    if g @ p > 1e-6:
        np.testing.assert_array_equal(found, g)


def test_the_weights_are_one_vector_not_one_each():
    new, protected = [[2.0], [-1.0]], [[2.0], [1.0]]  # in conflict in the second only: 4 - 1 > 0
    found = project([tf.constant(g) for g in new], [tf.constant(p) for p in protected])
    np.testing.assert_array_equal(found, new)


def test_nothing_to_protect_changes_nothing():
    new = [tf.constant([1.0, -2.0])]
    np.testing.assert_array_equal(project(new, [tf.zeros(2)]), new)


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
