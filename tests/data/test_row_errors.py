"""What was wrong with a row that was streamed."""

import pytest

from mtl_keras.data.row_errors import row_errors
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError


def test_a_row_of_a_table_that_is_not_read_beforehand_is_named_as_it_is_streamed():
    rows = [{"text": "fine", "label": "a"}, {"text": "bad", "label": "z"}]
    task = Task("topic", labels=["a", "b"], data={"train": rows, "validation": rows[:1]})
    opened = TaskDataset(task, unread=["train"])
    expected = r"topic, train data, row 1: unknown label 'z'"
    with pytest.raises(InputError, match=expected), row_errors([opened]):
        list(opened.stream("train", 4, seed=0))
