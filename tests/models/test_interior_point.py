"""Small convex problems are solved whatever their scale, and whether or not they are quadratic."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize

from mtl_keras.models.interior_point import Convex, minimize, solve


def _matrix(size: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng((size, seed)).normal(size=(size, size + 2))
    return rows @ rows.T


@pytest.mark.parametrize("size", [1, 3, 8])
def test_quadratic_problems_have_the_solutions_of_least_squares(size):
    matrix = _matrix(size, 0)
    linear = np.random.default_rng(size).normal(size=(4, size))
    points = minimize(
        Convex.quadratic(tf.constant(matrix), tf.constant(linear)), tf.ones((4, size), tf.float64)
    )
    root = np.linalg.cholesky(matrix).T
    for row, point in zip(linear, points.numpy(), strict=True):
        expected, _ = optimize.nnls(root, -np.linalg.solve(root.T, row))
        assert point == pytest.approx(expected, abs=1e-8)


def test_a_simplex_is_kept_and_numbers_that_do_not_count_are_free():
    summed = tf.constant([1.0, 1.0, 0.0], tf.float64)
    start = tf.constant([[0.5, 0.5, 1.0]], tf.float64)
    convex = Convex.quadratic(tf.constant(np.diag([1.0, 3.0, 1.0])), tf.zeros((1, 3), tf.float64))
    assert minimize(convex, start, summed).numpy()[0] == pytest.approx([0.75, 0.25, 0], abs=1e-6)


def test_systems_of_any_scale_are_solved():
    scale = np.diag([1e-9, 1.0, 1e9])
    matrix, right = scale @ _matrix(3, 1) @ scale, scale @ np.ones(3)
    solution = solve(tf.constant(matrix), tf.constant(right)).numpy()
    assert matrix @ solution == pytest.approx(right, rel=1e-9)
