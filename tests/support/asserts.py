"""Properties that many tests state, each said once."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import mtl_keras as mtl


@contextlib.contextmanager
def assert_frozen_weights_unchanged(
    model: mtl.MultiTaskModel, frozen: Collection[str]
) -> Iterator[None]:
    """Inside, these layer groups keep every bit of their weights, and all others move."""
    before = {group: _weights(model, group) for group in model.layer_groups}
    yield
    moved = {
        group
        for group, weights in before.items()
        if not all(map(np.array_equal, weights, _weights(model, group)))
    }
    assert moved == set(model.layer_groups) - set(frozen)


@contextlib.contextmanager
def assert_other_heads_untouched(model: mtl.MultiTaskModel, task: str) -> Iterator[None]:
    """Inside, the heads of all other tasks keep every bit; this task's and the encoder move."""
    others = [group for group in model.layer_groups if group.startswith("heads/")]
    others.remove(f"heads/{task}")
    with assert_frozen_weights_unchanged(model, others):
        yield


def assert_same_weights(
    weights: Sequence[np.ndarray], expected: Sequence[np.ndarray], tolerance: float = 0.0
) -> None:
    """Arrays or variables that are equal one by one; without a tolerance, to the last bit."""
    for weight, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight, other, rtol=0, atol=tolerance)


def assert_same_answers(answers: Any, expected: Any) -> None:
    """Equal in everything, but for rounding in the numbers."""
    assert type(answers) is type(expected)
    if isinstance(expected, dict):
        assert answers.keys() == expected.keys()
        for key, value in expected.items():
            assert_same_answers(answers[key], value)
    elif isinstance(expected, list):
        assert len(answers) == len(expected)
        for one, other in zip(answers, expected, strict=True):
            assert_same_answers(one, other)
    elif isinstance(expected, float):
        assert abs(answers - expected) < 1e-5
    else:
        assert answers == expected


def assert_schedule_frequencies(
    order: Sequence[str], expected: Mapping[str, float], tolerance: float
) -> None:
    """Each task's share of the steps is the expected one."""
    for name, share in expected.items():
        assert order.count(name) / len(order) == pytest.approx(share, abs=tolerance), name


def _weights(model: mtl.MultiTaskModel, group: str) -> list[np.ndarray]:
    return [weight for layer in model.layer_groups[group] for weight in layer.get_weights()]
