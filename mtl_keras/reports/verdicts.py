"""What can be said of a task in a sentence: its score, beside that of an answer without reading."""

from collections.abc import Mapping
from typing import Any

from mtl_keras.data.task import Task
from mtl_keras.reports.tables import rounded


def verdict(task: Task, split: str, metrics: Mapping[str, Any], constant: Mapping | None) -> str:
    """Returns a sentence on a task.

    Args:
        task: that was trained.
        split: that it was scored on.
        metrics: of the task on this split, as `evaluate` returns them.
        constant: the best answer that reads no text: its `words` and `value`; None if unknown.

    Example:

    >>> metrics = {"accuracy": 0.83, "low": 0.8, "high": 0.86, "examples": 600}
    >>> verdict(Task("topic"), "test", metrics, {"words": "'billing'", "value": 0.25})
    ... # doctest: +NORMALIZE_WHITESPACE
    "accuracy 0.830 (95% interval 0.800 to 0.860) on 600 test examples: better than the 0.250 of
     always answering 'billing'."
    """
    value, examples = metrics[task.metric], f"{metrics['examples']:,} {split} examples"
    if value is None:
        why = metrics.get("notes", {}).get(task.metric, "undefined").removeprefix("undefined: ")
        return f"{task.metric} is undefined on {examples}: {why}."
    scored = f"{task.metric} {rounded(value)}{_interval(metrics)} on {examples}"
    if constant is None:
        return f"{scored}."
    compared = _compared(task, metrics, constant["value"])
    reached = f"the {rounded(constant['value'])} of always answering {constant['words']}"
    return f"{scored}: {compared} {reached}."


def _interval(metrics: Mapping[str, Any]) -> str:
    if metrics.get("low") is None:
        return ""
    return f" (95% interval {rounded(metrics['low'])} to {rounded(metrics['high'])})"


def _compared(task: Task, metrics: Mapping[str, Any], constant: float) -> str:
    if metrics.get("low") is None:
        return "beside"
    sign = 1 if task.label_kind.higher_is_better else -1
    worst, best = sorted(sign * metrics[end] for end in ("low", "high"))
    if worst > sign * constant:
        return "better than"
    return "worse than" if best < sign * constant else "not shown to be better than"
