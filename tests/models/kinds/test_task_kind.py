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
