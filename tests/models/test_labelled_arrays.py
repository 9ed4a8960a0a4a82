"""Inputs, labels and weights fit together; labels are those of their task."""

import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.models.labelled_arrays import as_arrays, check_arrays

TASKS = {
    "topic": Task("topic", labels=["x", "y"]),
    "parts": Task("parts", kind="token_labels", labels=["N", "V"]),
    "flags": Task("flags", kind="multilabel", labels=["p", "q"]),
    "stars": Task("stars", kind="regression"),
}
X = {"token_ids": np.ones((2, 3), int), "padding_mask": np.ones((2, 3), bool)}
LABELS = {
    "topic": [0, 1],
    "parts": np.ones((2, 3)),
    "flags": np.zeros((2, 2)),
    "stars": np.array([1500.5, -2]),
}
WEIGHTS = {"topic": np.ones(2), "parts": np.ones((2, 3)), "flags": [1, 1], "stars": np.ones(2)}


def test_what_fits_passes():
    check_arrays(X, LABELS, None, TASKS)
    check_arrays(X | {"features": np.ones((2, 8))}, LABELS, WEIGHTS, TASKS)


@pytest.mark.parametrize(
    ("x", "labels", "weights", "message"),
    [
        ([], {}, {}, "x must be a dict with 'token_ids' and 'padding_mask', .* list"),
        (X | {"token_ids": np.ones((2, 4))}, {}, {}, r"x\['token_ids'\] has the shape \(2, 4\)"),
        (X, {"topic": [0, 2]}, {}, r"y\['topic'\]\[1\]: 2 is no label, from 0 to 1"),
        (X, {"topic": [0, 0.5]}, {}, r"y\['topic'\]\[1\]: 0.5 is no label"),
        (X, {"topic": ["x", "y"]}, {}, r"must be numbers: .*Task.classes: 'x', 'y'. Received: <U1"),
        (X, {"parts": [0, 1]}, {}, r"y\['parts'\] must have the shape \(2, 3\). Received: \(2,\)"),
        (X, {"flags": np.ones((2, 3))}, {}, r"y\['flags'\] .* \(2, 2\). Received: "),
        (X, {"stars": np.ones((2, 1))}, {}, r"y\['stars'\] must have the shape \(2,\)."),
        (X, {"stars": [np.inf, 1]}, {}, r"y\['stars'\]\[0\]: inf is no label"),
        (X, {}, {"parts": np.ones(2)}, r"sample_weight\['parts'\] must have .* \(2,\)"),
        (X, {"tone": [1, 2]}, {}, r"labels are a dict with the tasks"),
    ],
)
def test_what_does_not_fit_is_named(x, labels, weights, message):
    with pytest.raises(InputError, match=message):
        check_arrays(x, LABELS | labels, WEIGHTS | weights, TASKS)


def test_lists_become_arrays():
    arrays = as_arrays({"topic": [0, 1], "stars": np.array([1.0])})
    assert arrays["topic"].tolist() == [0, 1]
    assert arrays["stars"].dtype == float
