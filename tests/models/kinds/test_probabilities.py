"""Arithmetic of probabilities, against NumPy and scikit-learn."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from mtl_keras.models.kinds.probabilities import (
    class_probabilities,
    f1,
    linear_classifier,
    macro_f1,
    matches_by_class,
    ratio,
    softened_divergence,
    surprise,
)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_softening_needs_no_logits(temperature):
    generator = np.random.default_rng(0)
    target, output = generator.normal(0, 3, (2, 5, 4))

    def softmax(logits):
        return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)

    q, p = softmax(target / temperature), softmax(output / temperature)
    expected = temperature**2 * np.sum(q * np.log(q / p), axis=-1)
    actual = softened_divergence(softmax(target), softmax(output), temperature)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_certainty_is_finite_and_keeps_its_gradient():
    logits = tf.constant([[60.0, 0.0]])  # float32: one of e^60, about 1e26
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = softened_divergence(tf.constant([[0.0, 1.0]]), tf.nn.softmax(logits), 2.0)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(loss).all()
    np.testing.assert_allclose(gradient, [[2.0, -2.0]], rtol=1e-4)


def test_nothing_of_nothing_is_undefined():
    assert ratio(0, 0) is None
    scores = f1(np.array([0, 2]), np.array([0, 2]), np.array([0, 2]))
    np.testing.assert_array_equal(scores, [np.nan, 1.0])


def test_a_macro_f1_names_the_fewer_labels():
    names = [f"l{number}" for number in range(9)]
    counts = np.zeros((3, 9), int)
    assert macro_f1(counts, names)[0] is None
    counts[:, 4] = 2
    assert macro_f1(counts, names) == (
        1.0,
        "over 1 of 9 labels; the examples and the answers have 'l4' alone",
    )
    assert macro_f1(counts + 1, names)[1] == ""


def test_no_class_is_matched_by_no_answer():
    matched, answered, right = matches_by_class(np.array([0, 0, 2]), np.array([0, -1, 1]), 3)
    assert matched.tolist() == [1, 0, 0]
    assert answered.tolist() == [1, 1, 0]
    assert right.tolist() == [2, 0, 1]


def test_the_impossible_has_a_finite_surprise():
    assert surprise(np.array([1.0, 0.0])) == pytest.approx([0.0, 7 * np.log(10)])


def test_of_one_label_there_is_no_more_to_learn_than_the_label():
    rows = np.array([[0.0], [1.0]])
    probe = linear_classifier(np.array([2, 2])).fit(rows, [2, 2])
    assert class_probabilities(probe, rows, 4).tolist() == [[0, 0, 1, 0]] * 2


def test_a_class_that_a_probe_has_not_met_has_no_probability():
    rows = np.array([[0.0], [1.0], [0.1], [0.9]])
    probe = LogisticRegression().fit(rows, [0, 2, 0, 2])
    actual = class_probabilities(probe, rows, 3)
    np.testing.assert_array_equal(actual[:, 1], 0.0)
    np.testing.assert_allclose(actual.sum(axis=1), 1.0, rtol=1e-6)
