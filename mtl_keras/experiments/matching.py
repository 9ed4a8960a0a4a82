"""Rules: bounds on a few counts of some data, and what they recommend."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl_keras.experiments.data_profile import TaskProfile


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The figures that the rules compare with their thresholds.

    Args:
        tagging_tasks: how many tasks label words.
        smallest_task: training examples of the smallest task.
        size_ratio: training examples of the largest task, divided by those of the smallest.
        smallest_validation: the fewest validation examples of a task.
    """

    tagging_tasks: int
    smallest_task: int
    size_ratio: float
    smallest_validation: int

    @classmethod
    def of(cls, profiles: Sequence[TaskProfile]) -> "Measures":
        """Returns the measures of these tasks together."""
        sizes = [profile.examples for profile in profiles]
        return cls(
            tagging_tasks=sum(profile.kind.per_word for profile in profiles),
            smallest_task=min(sizes),
            size_ratio=max(sizes) / min(sizes),
            smallest_validation=min(profile.validation_examples for profile in profiles),
        )


# Measure → its lower and its upper bound in words.
_WORDS = {
    "tagging_tasks": ("a task that labels words", "no task that labels words"),
    "smallest_task": (
        "{:,} examples of the smallest task or more",
        "fewer than {:,} examples of the smallest task",
    ),
    "size_ratio": (
        "a largest task at least {:g} times the smallest",
        "a largest task less than {:g} times the smallest",
    ),
    "smallest_validation": (
        "{:,} validation examples of every task or more",
        "a task with fewer than {:,} validation examples",
    ),
}


@dataclass(frozen=True)
class Bound:
    """One side of a measure's threshold: at or above it, or below it.

    Example:

    >>> str(Bound("smallest_task", 200, below=True))
    'fewer than 200 examples of the smallest task'
    """

    measure: str
    threshold: int
    below: bool = False

    def holds(self, measures: Measures) -> bool:
        """Returns whether these data are on this side of the threshold."""
        return (getattr(measures, self.measure) < self.threshold) == self.below

    def move(self, measures: Measures) -> Measures:
        """Returns the same data, moved just across to this side of the threshold."""
        value = math.nextafter(self.threshold, -math.inf) if self.below else self.threshold
        changed: dict[str, Any] = {self.measure: value}
        return replace(measures, **changed)

    def __str__(self) -> str:
        return _WORDS[self.measure][self.below].format(self.threshold)


@dataclass(frozen=True)
class Rule:
    """A recommendation for data within bounds.

    Args:
        name: of the rule.
        bounds: all of them must hold.
        recommendation: the value to write into the recipe.
        reason: why it fits such data.
        source: the paper, or our report, that found it, and for what.
    """

    name: str
    bounds: tuple[Bound, ...]
    recommendation: str
    reason: str
    source: str

    @property
    def condition(self) -> str:
        """The bounds in words."""
        return ", ".join(map(str, self.bounds)) or "anything else"

    def applies(self, measures: Measures) -> bool:
        """Returns whether all bounds hold."""
        return all(bound.holds(measures) for bound in self.bounds)


def first_match(rules: Sequence[Rule], measures: Measures) -> Rule:
    """Returns the first rule that applies. The last rule of each table has no bounds."""
    return next(rule for rule in rules if rule.applies(measures))


def turning_points(rules: Sequence[Rule], measures: Measures) -> list[tuple[Bound, Rule]]:
    """Returns, for each measure and side, the nearest bound beyond which another rule wins."""
    chosen, turns = first_match(rules, measures), []
    for measure in _WORDS:
        for below in (False, True):
            for bound in _beyond(rules, measures, measure, below):
                other = first_match(rules, bound.move(measures))
                if other.recommendation != chosen.recommendation:
                    turns.append((bound, other))
                    break
    return turns


def _beyond(
    rules: Sequence[Rule], measures: Measures, measure: str, below: bool
) -> Iterator[Bound]:
    """Yields the bounds of a measure on one side that do not hold, nearest first."""
    thresholds = {
        bound.threshold for rule in rules for bound in rule.bounds if bound.measure == measure
    }
    for threshold in sorted(thresholds, reverse=below):
        bound = Bound(measure, threshold, below)
        if not bound.holds(measures):
            yield bound
