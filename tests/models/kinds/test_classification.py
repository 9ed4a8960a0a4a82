"""One label a text."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from mtl_keras.data.task import Task
from mtl_keras.models.heads import TaskHead
from mtl_keras.models.kinds.classification import Classification

TOPIC, KIND = Task("topic", labels=["a", "b", "c", "d"]), Classification()
TASK = Task("topic", labels=["x", "y", "z"])
indices = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


def test_the_loss_is_minus_the_log_probability():
    probabilities = tf.constant([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])
    values = KIND.loss(TASK)(tf.constant([2, 1]), probabilities)
    np.testing.assert_allclose(values, -np.log([0.5, 0.05]), rtol=1e-5)


@pytest.mark.parametrize("in_graph", [False, True])
def test_a_confident_mistake_keeps_its_gradient(in_graph):
    head = TaskHead(Task("topic", labels=["a", "b", "c"]))
    head.build((None, 3))
    head.dense.kernel.assign(np.eye(3, dtype=np.float32) * 200)
    loss = KIND.loss(TASK)

    def gradient():
        with tf.GradientTape() as tape:
            probabilities = head(tf.constant([[1.0, 0.0, 0.0]]))
            value = tf.reduce_sum(loss(tf.constant([1]), probabilities))
        return value, tape.gradient(value, head.dense.bias.value)

    value, slope = (tf.function(gradient) if in_graph else gradient)()
    assert float(value) == pytest.approx(200, rel=1e-4)
    np.testing.assert_allclose(slope, [1.0, -1.0, 0.0], atol=1e-5)


@pytest.mark.slow
@given(indices)
def test_metrics_are_those_of_scikit_learn(pairs):
    labels, answers = np.array(pairs).T
    metrics = KIND.measured(TOPIC, [(labels, np.eye(4)[answers])])
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, answers, average="macro"))
    assert ("notes" in metrics) == (len({*labels, *answers}) < 4)
    assert metrics["accuracy"] == accuracy_score(labels, answers)


def test_chunks_are_measured_together():
    rows = np.array([[0.5, 0.5, 0.0, 0], [0.1, 0.2, 0.7, 0], [0.0, 0.0, 1.0, 0]])
    whole = KIND.measured(TOPIC, [([0, 1, 2], rows)])
    parts = KIND.measured(TOPIC, [([0], rows[:1]), ([1, 2], rows[1:])])
    assert parts == whole
    assert whole["accuracy"] == pytest.approx(2 / 3)


def test_perfect_answers_have_a_macro_f1_of_1_though_a_class_is_absent():
    metrics = KIND.measured(TOPIC, [([0, 1, 2], np.eye(4)[[0, 1, 2]])])
    assert metrics["macro_f1"] == 1.0
    note = "over 3 of 4 labels; neither the examples nor the answers have 'd'"
    assert metrics["notes"] == {"macro_f1": note}
