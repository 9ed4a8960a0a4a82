"""Any number of labels a text."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.multilabel import Multilabel

FLAGS, KIND = Task("flags", kind="multilabel", labels=["p", "q", "r"]), Multilabel()
TASK = Task("flags", kind="multilabel", labels=["p", "q"])


def test_the_loss_is_the_mean_binary_cross_entropy():
    values = KIND.loss(TASK)(tf.constant([[1.0, 0.0]]), tf.constant([[0.8, 0.4]]))
    np.testing.assert_allclose(values, [-(np.log(0.8) + np.log(0.6)) / 2], rtol=1e-5)


def test_a_label_diverges_by_itself_and_not_from_itself():
    target, output = tf.constant([[0.5, 0.9]]), tf.constant([[0.5, 0.1]])
    actual = KIND.divergence(TASK, target, output, 2.0)
    expected = 0.9 * np.log(0.9 / 0.1) + 0.1 * np.log(0.1 / 0.9)
    np.testing.assert_allclose(actual, [[0.0, expected]], atol=1e-5)


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_f1_is_that_of_scikit_learn(count, seed):
    generator = np.random.default_rng(seed)
    labels, scores = generator.integers(2, size=(count, 3)), generator.random((count, 3))
    metrics = KIND.measured(FLAGS, [(labels, scores)])
    for average in ("micro", "macro"):  # scikit-learn leaves NaN out of the mean
        expected = f1_score(labels, scores > 0.5, average=average, zero_division=np.nan)
        assert metrics[f"{average}_f1"] == (None if np.isnan(expected) else pytest.approx(expected))


def test_without_a_label_perfect_answers_have_no_f1_and_others_0():
    nothing = np.zeros((2, 3))
    perfect, wrong = (KIND.measured(FLAGS, [(nothing, nothing + p)]) for p in (0.1, 0.9))
    assert perfect["micro_f1"] is None and perfect["macro_f1"] is None
    assert perfect["notes"]["micro_f1"].startswith("undefined")
    assert wrong["micro_f1"] == wrong["macro_f1"] == 0.0
    assert "no example has a label" in wrong["notes"]["micro_f1"]


def test_while_it_trains_f1_is_no_number_without_a_label():
    metric = KIND.training_metric()
    metric.update_state(tf.zeros((2, 3)), tf.fill((2, 3), 0.9))
    assert np.isnan(metric.result())
    metric.update_state(tf.constant([[1.0, 0, 0]]), tf.constant([[0.9, 0.1, 0.1]]))
    assert float(metric.result()) == pytest.approx(2 / 8)


def test_what_is_decided_is_the_set_over_the_threshold():
    assert KIND.decided(np.array([0.5, 0.51, 0.1])).tolist() == [False, True, False]
