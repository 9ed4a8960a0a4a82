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
    metric = kind_of(task).measured(task, [(labels, outputs)])[task.metric]
    assert (part / whole if whole else None) == pytest.approx(metric)
    low, high = interval(contributed)
    if metric is None:
        assert (low, high) == (None, None)
    else:
        assert low <= metric + 1e-9 and metric <= high + 1e-9


def test_of_a_share_it_is_nearly_the_binomial_one():
    right = np.repeat([1.0, 0.0], [150, 50])
    low, high = interval(np.stack([right, np.ones(200)], axis=1))
    exact = stats.binomtest(150, 200).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.01)


@pytest.mark.parametrize("count", [1, 3])
def test_where_nothing_varies_it_has_no_width(count):
    assert interval(np.ones((count, 2))) == (1.0, 1.0)


@pytest.mark.parametrize("count", [1, 3])
def test_an_undefined_metric_has_none(count):
    assert interval(np.zeros((count, 2))) == (None, None)


def test_resamples_without_anything_to_find_are_left_out():
    one_entity = np.array([[0.0, 0.0]] * 9 + [[2.0, 2.0]])
    assert interval(one_entity) == (1.0, 1.0)


@pytest.mark.slow
def test_of_many_examples_it_is_drawn_in_parts():
    generator = np.random.default_rng(0)
    right = (generator.random(100_000) < 0.9).astype(float)
    low, high = interval(np.stack([right, np.ones_like(right)], axis=1))
    assert low < right.mean() < high and high - low < 0.005
