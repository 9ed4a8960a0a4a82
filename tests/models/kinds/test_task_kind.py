"""What every kind shares."""

import numpy as np

from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.task import Task
from mtl_keras.models.kinds.table import TASK_KINDS
from mtl_keras.models.kinds.task_kind import by_label, most_frequent, stacked


def test_probabilities_are_named_by_label():
    task = Task("tone", labels=["bad", "good"])
    assert by_label(task, np.array([0.25, 0.75])) == {"bad": 0.25, "good": 0.75}


def test_chunks_are_stacked_in_order():
    labels, outputs = stacked([([1], [np.zeros(2)]), ([0, 2], [np.ones(2), np.zeros(2)])])
    assert labels.tolist() == [1, 0, 2]
    assert outputs.tolist() == [[0, 0], [1, 1], [0, 0]]


def test_nothing_is_answered_always_if_training_is_unknown():
    constants = {
        kind.name: kind.constant(Task("t", kind=kind.name, labels=labels), {})
        for kind in TASK_KINDS.values()
        for labels in [["a", "b"] if LABEL_KINDS[kind.name].has_labels else []]
    }
    words = {name: constant and constant.words for name, constant in constants.items()}
    assert {name for name, message in words.items() if message} == {"tagging"}
    assert words["tagging"] == "no span"


def test_the_most_frequent_label_is_answered_always():
    constant = most_frequent(Task("t", labels=["a", "b", "c"]), {"b": 3, "c": 2, "new": 9})
    assert constant.words == "'b'"
    assert constant.row.tolist() == [0.0, 1.0, 0.0]
