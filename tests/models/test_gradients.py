"""Gradients of several losses, projected as one vector."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mtl_keras.models.gradients import gradient_of, project

SHAPES = [(2, 3), (4,)]


@st.composite
def vectors(draw):
    """A gradient of two tensors, with components of size 1 or exactly 0."""
    elements = st.floats(-1, 1, width=32).map(lambda x: x if abs(x) > 1e-3 else 0.0)
    return [draw(arrays.arrays(np.float32, shape, elements=elements)) for shape in SHAPES]


def _flat(tensors):
    return np.concatenate([np.ravel(tensor) for tensor in tensors]).astype(np.float64)


@pytest.mark.slow
@given(vectors(), vectors())
def test_after_projection_there_is_no_conflict_and_without_one_nothing_changes(new, protected):
    actual = _flat(project(new, protected))
    g, p = _flat(new), _flat(protected)
    assert actual @ p >= -1e-6
    expected = g - (g @ p) / (p @ p) * p if g @ p < 0 else g
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    if g @ p > 1e-6:
        np.testing.assert_array_equal(actual, g)


def test_the_weights_are_one_vector_not_one_each():
    new, protected = [[2.0], [-1.0]], [[2.0], [1.0]]  # in conflict in the second only: 4 - 1 > 0
    actual = project([tf.constant(g) for g in new], [tf.constant(p) for p in protected])
    np.testing.assert_array_equal(actual, new)


def test_nothing_to_protect_changes_nothing():
    new = [tf.constant([1.0, -2.0])]
    np.testing.assert_array_equal(project(new, [tf.zeros(2)]), new)


def test_a_gradient_of_several_losses_is_dense_and_0_where_none_depends():
    table, unused = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.Variable([7.0])
    with tf.GradientTape(persistent=True) as tape:
        rows = tf.gather(table, [2, 0, 2])
        losses = [tf.reduce_sum(rows), tf.reduce_sum(rows[:, 0])]
    of_table, of_unused = gradient_of(tape, losses, [table, unused])
    np.testing.assert_array_equal(of_table, [[2.0, 1.0], [0.0, 0.0], [4.0, 2.0]])
    np.testing.assert_array_equal(of_unused, [0.0])
