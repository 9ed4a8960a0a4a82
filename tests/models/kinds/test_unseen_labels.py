"""Labels that training lacks count as wrong, in metrics and while a model trains."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.table import kind_of


def _measured(kind, labels, of_examples, outputs):
    task = Task("topic", kind, labels)
    return kind_of(task).measured(task, [(of_examples, [np.array(output) for output in outputs])])


def test_a_text_whose_class_training_lacks_is_wrong():
    actual = _measured("classification", ["a", "b"], [0, 1, 2, 3], [[0.9, 0.1], [0.2, 0.8]] * 2)
    assert actual["accuracy"] == 0.5
    assert actual["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0 + 0) / 4)
    assert actual["loss"] == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2)


def test_spans_and_words_of_labels_that_training_lacks_are_missed():
    right = np.eye(3)
    actual = _measured("tagging", ["x"], [[1, 0, 3, 4]], [right[[1, 0, 0, 0]]])
    assert (actual["precision"], actual["recall"]) == (1.0, 0.5)
    actual = _measured("token_labels", ["a", "b"], [[0, 1], [2, 0]], [right[[0, 1]][:, :2]] * 2)
    assert actual["accuracy"] == 0.5


def test_labels_that_training_lacks_are_missed_of_many():
    labels, outputs = [np.array([1.0, 0, 1, 1])], [[0.9, 0.1]]
    actual = _measured("multilabel", ["a", "b"], labels, outputs)
    assert actual["micro_f1"] == pytest.approx(2 / (1 + 3))
    kind = kind_of(Task("topic", "multilabel", ["a", "b"]))
    assert kind.contribution(labels[0], np.array(outputs[0])) == (2.0, 4.0)
    metric = kind.training_metric()
    metric.update_state(tf.constant(labels), tf.constant(outputs))
    assert float(metric.result()) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("kind", "labels", "outputs", "weights"),
    [
        ("classification", [0, 2], [[0.5, 0.5]] * 2, [1.0, 0.0]),
        ("token_labels", [[0, 5]], [[[0.5, 0.5]] * 2], [[1.0, 0.0]]),
        ("tagging", [[0, 3]], [[[0.5, 0.3, 0.2]] * 2], [[1.0, 0.0]]),
        ("regression", [3.5, 0.0], [[0.5], [0.5]], [1.0, 1.0]),
        ("multilabel", [[1.0, 0.0, 1.0]], [[0.5, 0.5]], [1.0]),
    ],
)
def test_losses_are_of_labels_that_can_be_answered(kind, labels, outputs, weights):
    task = Task(
        "topic", kind, () if kind == "regression" else ["a", "b"][: 1 if kind == "tagging" else 2]
    )
    labels, outputs = tf.constant(labels), tf.constant(outputs)
    answerable, given = kind_of(task).answerable(labels, tf.ones_like(weights), outputs)
    assert given.numpy().tolist() == weights
    losses = kind_of(task).loss(task)(answerable, outputs)
    assert np.isfinite(losses).all()
