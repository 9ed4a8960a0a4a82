"""Formats scores: figures, intervals, and the notes below a table."""

from collections.abc import Mapping
from typing import Any

UNDEFINED = "-"  # shown for an undefined metric

Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]  # split → task → metrics


def figure(value: float | None) -> str:
    """A metric with four decimals, or a count with separators.

    Example:

    >>> figure(0.5), figure(1200), figure(None)
    ('0.5000', '1,200', '-')
    """
    if value is None:
        return UNDEFINED
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def interval_of(metrics: Mapping[str, Any]) -> str:
    """A metric's interval as text; `-` if it has none."""
    if metrics.get("low") is None:
        return UNDEFINED
    return f"{metrics['low']:.4f} to {metrics['high']:.4f}"


def notes_of(scores: Scores) -> list[str]:
    """One line for each note on a metric.

    Example:

    >>> notes_of({"test": {"topic": {"macro_f1": None, "notes": {"macro_f1": "undefined"}}}})
    ['topic, test: macro_f1 undefined']
    """
    return [
        f"{task}, {split}: {metric} {note}"
        for split, tasks in scores.items()
        for task, metrics in tasks.items()
        for metric, note in metrics.get("notes", {}).items()
    ]


def values_of(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """The metrics without the number of examples, the interval and the notes."""
    left_out = ("examples", "low", "high", "notes")
    return {name: value for name, value in metrics.items() if name not in left_out}
