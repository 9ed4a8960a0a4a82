"""Any number of labels a text."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mtl_keras.models.kinds.multilabel import Multilabel

KIND = Multilabel()


def test_the_loss_is_the_mean_binary_cross_entropy():
    values = KIND.loss()(tf.constant([[1.0, 0.0]]), tf.constant([[0.8, 0.4]]))
    np.testing.assert_allclose(values, [-(np.log(0.8) + np.log(0.6)) / 2], rtol=1e-5)


def test_a_label_diverges_by_itself_and_not_from_itself():
    target, output = tf.constant([[0.5, 0.9]]), tf.constant([[0.5, 0.1]])
    found = KIND.divergence(target, output, 2.0)
    expected = 0.9 * np.log(0.9 / 0.1) + 0.1 * np.log(0.1 / 0.9)
    np.testing.assert_allclose(found, [[0.0, expected]], atol=1e-5)


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_f1_is_that_of_scikit_learn(count, seed):
    generator = np.random.default_rng(seed)
    labels, scores = generator.integers(2, size=(count, 3)), generator.random((count, 3))
    metrics = KIND.measured([(labels, scores)])
    for average in ("micro", "macro"):
        expected = f1_score(labels, scores > 0.5, average=average, zero_division=0.0)
        assert metrics[f"{average}_f1"] == pytest.approx(expected)


def test_what_is_decided_is_the_set_over_the_threshold():
    assert KIND.decided(np.array([0.5, 0.51, 0.1])).tolist() == [False, True, False]
