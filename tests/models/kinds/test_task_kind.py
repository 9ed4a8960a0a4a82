"""What every kind shares."""

import numpy as np
import pytest

from mtl_keras.data.constant_answers import ConstantAnswer
from mtl_keras.data.task import Task
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import by_label, stacked


def test_probabilities_are_named_by_label():
    task = Task("tone", labels=["bad", "good"])
    assert by_label(task, np.array([0.25, 0.75])) == {"bad": 0.25, "good": 0.75}


def test_chunks_are_stacked_in_order():
    labels, outputs = stacked([([1], [np.zeros(2)]), ([0, 2], [np.ones(2), np.zeros(2)])])
    assert labels.tolist() == [1, 0, 2]
    assert outputs.tolist() == [[0, 0], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("kind", "labels", "answer", "row"),
    [
        ("classification", ["a", "b"], ConstantAnswer("'b'", ("b",)), [0, 1]),
        ("token_labels", ["a", "b"], ConstantAnswer("'b'", ("b",)), [0, 1]),
        ("multilabel", ["a", "b", "c"], ConstantAnswer("'c', 'a'", ("c", "a")), [1, 0, 1]),
        ("tagging", ["a"], ConstantAnswer("no span"), [1, 0, 0]),
        ("regression", [], ConstantAnswer("2.5, the mean of training", number=2.5), 2.5),
    ],
)
def test_a_constant_answer_is_a_row_of_outputs(kind, labels, answer, row):
    task = Task("t", kind=kind, labels=labels)
    assert kind_of(task).constant_row(task, answer).tolist() == row


@pytest.mark.parametrize(
    ("kind", "labels", "answer", "outputs"),
    [
        ("classification", ["a", "b"], {"scores": {"b": 0.75, "a": 0.25}}, [0.25, 0.75]),
        ("multilabel", ["a", "b"], {"scores": {"a": 0.75, "b": 0.5}}, [0.75, 0.5]),
        ("regression", [], {"value": -1.5}, -1.5),
        (
            "tagging",
            ["x", "y"],
            [{"start": 3, "end": 8, "label": "y"}, {"start": 9, "end": 10, "label": "x"}],
            [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 1, 0, 0, 0], [1, 0, 0, 0, 0]],
        ),
        (
            "token_labels",
            ["x", "y"],
            [
                {"start": 0, "end": 2, "label": "y", "score": 0.75},
                {"start": 6, "end": 7, "label": "x", "score": 0.5},
                {"start": 7, "end": 8, "label": "y", "score": 0.25},
            ],
            [[0, 0.75], [0, 0], [0.5, 0], [0, 0], [0, 0]],
        ),
    ],
)
def test_a_served_answer_is_outputs(kind, labels, answer, outputs):
    text, task = "zü éé x, y z", Task("t", kind=kind, labels=labels)
    starts = [0, 3, 6, 9, 11] if task.label_kind.per_word else []
    assert kind_of(task).served_outputs(task, answer, text, starts).tolist() == outputs
