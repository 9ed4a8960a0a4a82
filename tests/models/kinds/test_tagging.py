"""Spans of words."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.tagging import Tagging
from mtl_keras.models.kinds.task_kind import WordsOfText

ENTITIES, KIND = Task("entities", kind="tagging", labels=["city", "product"]), Tagging()
TASK = Task("entities", kind="tagging", labels=["a"])


def test_the_loss_has_a_value_a_word_piece():
    values = KIND.loss(TASK)(tf.zeros((2, 5), tf.int32), tf.fill((2, 5, 3), 1 / 3))
    assert values.shape == (2, 5)


def test_an_answer_is_spans_of_characters():
    words = WordsOfText(np.array([1, 2, 4]), np.array([0, 3, 7]), np.array([2, 6, 11]))
    outputs = np.full((6, 5), 0.1)  # [CLS], é, Ne, ##w, York, [SEP]
    outputs[1, 0] = outputs[2, 1] = 0.9
    outputs[4, 2] = 0.7
    (entity,) = KIND.answer(ENTITIES, "é New York", outputs, words)
    assert entity.pop("score") == pytest.approx(0.8)
    assert entity == {"start": 2, "end": 10, "text": "New York", "label": "city"}


def test_a_word_that_is_not_read_is_outside():
    assert KIND.reads.unread == 1.0
    assert ENTITIES.classes[0] == "O"


def _measured(right, answered):
    return KIND.measured(ENTITIES, [(right, [np.eye(5)[tags] for tags in answered])])


@pytest.mark.parametrize(
    ("right", "answered", "expected"),  # F1, precision, recall
    [
        ([[0, 0]], [[0, 0]], (None, None, None)),
        ([[0, 0]], [[0, 1]], (0.0, 0.0, None)),
        ([[1, 0]], [[0, 0]], (0.0, None, 0.0)),
        ([[1, 0]], [[1, 0]], (1.0, 1.0, 1.0)),
    ],
)
def test_what_is_undefined_is_none_and_says_why(right, answered, expected):
    metrics = _measured(right, answered)
    values = dict(zip(("span_f1", "precision", "recall"), expected, strict=True))
    assert {name: metrics[name] for name in values} == values
    notes = metrics.get("notes", {})
    assert {name for name, note in notes.items() if note.startswith("undefined")} == {
        name for name, value in values.items() if value is None
    }


def test_while_it_trains_f1_is_no_number_without_a_span():
    metric, nothing = KIND.training_metric(), tf.zeros((1, 2), tf.int32)
    for answers in ([0, 0], [0, 1]):
        metric.update_state(nothing, tf.one_hot([answers], 5), tf.ones((1, 2)))
        assert np.isnan(metric.result())
