"""An interval is of the metric, and as wide as it should be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mtl_keras.data.task import Task
from mtl_keras.evaluation.intervals import contributions, interval
from mtl_keras.models.kinds import kind_of

TASKS = [
    Task("topic", labels=["x", "y", "z"]),
    Task("flags", kind="multilabel", labels=["p", "q"]),
    Task("stars", kind="regression"),
    Task("entities", kind="tagging", labels=["city", "product"]),
    Task("parts", kind="token_labels", labels=["a", "b", "c", "d", "e"]),
]


def examples(task: Task, count: int, seed: int) -> tuple[list, list[np.ndarray]]:
    """Labels and outputs as `evaluate` has them."""
    generator = np.random.default_rng(seed)
    if task.kind == "classification":
        return list(generator.integers(3, size=count)), list(generator.random((count, 3)))
    if task.kind == "multilabel":
        return list(generator.integers(2, size=(count, 2))), list(generator.random((count, 2)))
    if task.kind == "regression":
        return list(generator.normal(size=count)), list(generator.normal(size=count))
    lengths = generator.integers(0, 6, size=count)
    labels = [list(generator.integers(5, size=length)) for length in lengths]
    return labels, [generator.random((length, 5)) for length in lengths]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
@given(count=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_contributions_make_the_metric_and_the_interval_holds_it(task, count, seed):
    labels, outputs = examples(task, count, seed)
    contributed = contributions(task, labels, outputs)
    part, whole = contributed.sum(axis=0)
    metric = kind_of(task).measured([(labels, outputs)])[task.metric]
    assert (part / whole if whole else 0.0) == pytest.approx(metric)
    low, high = interval(contributed)
    assert low <= metric + 1e-9 and metric <= high + 1e-9


def test_of_a_share_it_is_nearly_the_binomial_one():
    right = np.repeat([1.0, 0.0], [150, 50])
    low, high = interval(np.stack([right, np.ones(200)], axis=1))
    exact = stats.binomtest(150, 200).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.01)


@pytest.mark.parametrize(("rows", "expected"), [([[1.0, 1.0]], 1.0), ([[0.0, 0.0]] * 3, 0.0)])
def test_where_nothing_varies_it_has_no_width(rows, expected):
    assert interval(np.array(rows)) == (expected, expected)


@pytest.mark.slow
def test_of_many_examples_it_is_drawn_in_parts():
    generator = np.random.default_rng(0)
    right = (generator.random(100_000) < 0.9).astype(float)
    low, high = interval(np.stack([right, np.ones_like(right)], axis=1))
    assert low < right.mean() < high and high - low < 0.005
