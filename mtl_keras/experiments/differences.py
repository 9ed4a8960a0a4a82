"""Finds the plans that differ, by intervals of the differences between their scores on a task."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtl_keras.data.label_kinds import higher_is_better
from mtl_keras.evaluation.paired_bootstrap import difference_interval, resampled

CONTRIBUTED = "contributed"  # key of a run's results: task → what each example adds to its metric


def with_differences(summary: Mapping, contributed: Mapping[str, Mapping[str, Sequence]]) -> dict:
    """Adds to a comparison's summary which plans differ from the best one.

    A plan differs from a task's best plan only if the 95% interval of the difference excludes zero.
    The interval is over seeds and test examples together (`paired_bootstrap.resampled`).

    Args:
        summary: as `summarize` builds it.
        contributed: plan → task → contributions to the task's metric, `(seeds, examples, 2)`.

    Returns:
        The summary, each task with a `verdict`: `best`, the plan with the best mean; `alike`,
        that plan and those that do not differ from it; `cheapest`, the one of these that trained
        in the least time; `behind`, plan → `low` and `high` of its score minus the best plan's.
        The verdict is None if no plan's score is defined.
    """
    tasks = {
        name: {**task, "verdict": _verdict(summary, name, contributed)}
        for name, task in summary["tasks"].items()
    }
    return {**summary, "tasks": tasks}


def sharing_interval(shared: Sequence, alone: Sequence) -> dict[str, float | None]:
    """Returns the 95% interval (`low`, `high`) of a task's shared minus single-task metric.

    Args:
        shared: contributions in the model of all tasks, `(seeds, examples, 2)`.
        alone: contributions in the model of the task alone, same shape.
    """
    low, high = difference_interval(_resampled(shared, 0), _resampled(alone, 1))
    return {"low": low, "high": high}


def _verdict(
    summary: Mapping, task: str, contributed: Mapping[str, Mapping[str, Sequence]]
) -> dict | None:
    plans = summary["plans"]
    means = {name: plan["tasks"][task]["mean"] for name, plan in plans.items()}
    defined = {name: mean for name, mean in means.items() if mean is not None}
    if not defined:
        return None
    is_higher_better = higher_is_better(summary["tasks"][task]["metric"])
    best = (max if is_higher_better else min)(defined, key=defined.__getitem__)
    draws = {
        name: _resampled(contributed[name][task], number) for number, name in enumerate(defined)
    }
    behind = {
        name: dict(zip(("low", "high"), difference_interval(draws[name], draws[best]), strict=True))
        for name in defined
        if name != best
    }
    alike = [name for name in defined if name == best or _holds_zero(behind[name])]
    cheapest = min(alike, key=lambda name: plans[name]["wall_seconds"])
    return {"best": best, "alike": alike, "cheapest": cheapest, "behind": behind}


def _resampled(contributed: Sequence, draw: int) -> np.ndarray:
    return resampled(np.array(contributed, np.float64), draw)


def _holds_zero(interval: Mapping[str, float | None]) -> bool:
    low, high = interval["low"], interval["high"]
    return low is None or high is None or low <= 0 <= high
