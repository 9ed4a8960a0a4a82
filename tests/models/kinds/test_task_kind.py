"""What every kind shares."""

import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.task_kind import by_label, stacked


def test_probabilities_are_named_by_label():
    task = Task("tone", labels=["bad", "good"])
    assert by_label(task, np.array([0.25, 0.75])) == {"bad": 0.25, "good": 0.75}


def test_chunks_are_stacked_in_order():
    labels, outputs = stacked([([1], [np.zeros(2)]), ([0, 2], [np.ones(2), np.zeros(2)])])
    assert labels.tolist() == [1, 0, 2]
    assert outputs.tolist() == [[0, 0], [1, 1], [0, 0]]
