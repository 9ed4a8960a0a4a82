"""Names that would make a key of two meanings are refused, others are not."""

import pytest

from mtl_keras.data.task import Task
from mtl_keras.data.task_names import RESERVED, name_fault
from mtl_keras.export.saved_model.served_answers import EMBED, LABELS, READING, SERVING
from mtl_keras.plans.stage import MEAN


def _tasks(*names, kind="classification"):
    return [Task(name, kind=kind) for name in names]


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["a", "val_a"], "val_a_loss"),
        (["val_a", "a"], "val_a_loss"),
        (["a", "a_accuracy"], "a_accuracy"),
        (["a_loss", "a"], "a_loss"),
        (["val"], "val_loss"),
    ],
)
def test_two_tasks_with_one_key_are_refused(names, key):
    fault = name_fault(_tasks(*names))
    assert fault.task == names[-1] or key in names
    assert f"{key!r} would be both " in fault.message
    assert "give the task" in fault.message


@pytest.mark.parametrize("name", [SERVING, EMBED, LABELS, READING, MEAN, "read", "padding"])
def test_a_key_that_stands_beside_those_of_tasks_is_refused(name):
    assert name in RESERVED
    assert name_fault(_tasks("topic", name)).task == name


def test_names_without_a_common_key_are_not_refused():
    assert name_fault(_tasks("a", "b", "a_b", "val_c", "a_val", "label")) is None
    assert name_fault([*_tasks("a", kind="regression"), *_tasks("a_accuracy")]) is None
