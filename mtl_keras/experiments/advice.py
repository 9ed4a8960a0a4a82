"""Recommends a training plan, a schedule and a length, and says what would change that.

The rules (`advice_rules`) name what to try first; `mtl-keras compare` measures what is best.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tabulate import tabulate

from mtl_keras.data.levels import LAST
from mtl_keras.data.schedules import Schedule, parse_schedule
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.experiments.advice_rules import (
    EPOCH_RULES,
    EPOCHS_OF_SOLVED,
    LEVEL_OF_SOLVED,
    LEVEL_OF_TRAINED,
    OURS,
    PLAN_RULES,
    SCHEDULE_RULES,
    SOLVED,
)
from mtl_keras.experiments.advice_warnings import warnings_of
from mtl_keras.experiments.data_profile import FEW_EXAMPLES, TaskProfile, profile, quantile
from mtl_keras.experiments.matching import Measures, Rule, first_match, turning_points
from mtl_keras.recipes.recipe import Recipe

LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # 512: the positions of BERT
WIDTH, INDENT = 96, " " * 12  # of the text in a terminal
LEGEND = f"""\
largest: share of the most frequent label; even: 1 if all labels are equally frequent;
< {FEW_EXAMPLES}: count of rarer labels; words: median, 95th percentile; pieces: 95th, estimated"""
CLOSING = """\
Sources describe methods; thresholds are rules of thumb. `mtl-keras compare` measures plans."""


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """One setting of a recipe.

    Args:
        setting: its name: `plan`, `reads`, `schedule`, `max_length` or `epochs`.
        value: what is recommended.
        current: what the recipe has; empty if unknown.
        followed: whether the recipe's value suffices; None if unknown.
        rule: name of the rule.
        condition: when the rule applies.
        reason: why it recommends this.
        source: the paper, or the report of ours, that found it.
    """

    setting: str
    value: str
    current: str
    followed: bool | None
    rule: str
    condition: str
    reason: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Recommended settings for some data, with reasons and warnings.

    Args:
        profiles: the counts of each task.
        measures: the figures that the rules compare with their thresholds.
        recommendations: plan, reads, schedule, max_length, epochs.
        turning_points: which changes of the data would change the plan, and to which plan.
        warnings: what to watch under any plan.
    """

    profiles: tuple[TaskProfile, ...]
    measures: Measures
    recommendations: tuple[Recommendation, ...]
    turning_points: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def followed(self) -> bool:
        """Whether the recipe already follows every recommendation, as far as is known."""
        return all(advised.followed is not False for advised in self.recommendations)

    def to_json(self) -> dict[str, Any]:
        """Returns all of it as values that JSON can hold."""
        return {
            "tasks": [profile.as_row() for profile in self.profiles],
            "measures": asdict(self.measures),
            "recommendations": {
                advised.setting: asdict(advised) for advised in self.recommendations
            },
            "turning_points": list(self.turning_points),
            "warnings": list(self.warnings),
            "followed": self.followed,
        }


def advise(recipe: Recipe, datasets: Mapping[str, TaskDataset], *, plan_name: str) -> Advice:
    """Counts the training data of a recipe's tasks and recommends how to train on them.

    Args:
        recipe: its levels, schedule and `max_length` are compared with the recommended ones.
        datasets: task name → its dataset.
        plan_name: name of the recipe's training plan, `stages` if it lists stages.

    Raises:
        InputError: a task has no training examples.
    """
    profiles = tuple(profile(dataset) for dataset in datasets.values())
    measures = Measures.of(profiles)
    return Advice(
        profiles=profiles,
        measures=measures,
        recommendations=(
            _plan(measures, plan_name),
            _reading(measures, recipe.tasks),
            _schedule(measures, recipe.schedule),
            _length(profiles, recipe.max_length),
            _epochs(measures),
        ),
        turning_points=tuple(_turning_points(measures)),
        warnings=tuple(warnings_of(profiles, recipe.max_length)),
    )


def render(advice: Advice) -> str:
    """Returns the advice as text for a terminal."""
    parts = [_table(advice.profiles), LEGEND]
    if advice.followed:
        parts.append("\nThe recipe already follows every recommendation.")
    for advised in advice.recommendations:
        parts += ["", *_lines(advised)]
        if advised.setting == "plan":
            parts += _list(INDENT, "What would change the plan:", advice.turning_points)
    if advice.warnings:
        parts += ["", *_list("", "Watch:", advice.warnings)]
    return "\n".join([*parts, "", CLOSING])


def _plan(measures: Measures, current: str) -> Recommendation:
    rule = first_match(PLAN_RULES, measures)
    return _from_rule("plan", rule, current, current == rule.recommendation)


def _reading(measures: Measures, tasks: Sequence[Task]) -> Recommendation:
    levels = dict.fromkeys(task.reads for task in tasks)
    if not _is_solved(measures):
        return _from_rule("reads", LEVEL_OF_TRAINED, ", ".join(levels), True)
    return _from_rule("reads", LEVEL_OF_SOLVED, ", ".join(levels), LAST not in levels)


def _epochs(measures: Measures) -> Recommendation:
    is_solved = _is_solved(measures)
    rule = EPOCHS_OF_SOLVED if is_solved else first_match(EPOCH_RULES, measures)
    return _from_rule("epochs", rule, "", None)


def _is_solved(measures: Measures) -> bool:
    """Returns whether the recommended plan solves heads and trains nothing else."""
    return first_match(PLAN_RULES, measures).recommendation == SOLVED


def _schedule(measures: Measures, current: Schedule) -> Recommendation:
    rule = first_match(SCHEDULE_RULES, measures)
    followed = current == parse_schedule(rule.recommendation)
    return _from_rule("schedule", rule, rule.recommendation if followed else str(current), followed)


def _from_rule(setting: str, rule: Rule, current: str, followed: bool | None) -> Recommendation:
    return Recommendation(
        setting=setting,
        value=rule.recommendation,
        current=current,
        followed=followed,
        rule=rule.name,
        condition=rule.condition,
        reason=rule.reason,
        source=rule.source,
    )


def _length(profiles: Sequence[TaskProfile], max_length: int) -> Recommendation:
    needed = max(quantile(profile.pieces, 95) for profile in profiles)
    value = next((length for length in LENGTHS if length >= needed), LENGTHS[-1])
    share, task = max((profile.longer_than(max_length), profile.task) for profile in profiles)
    cut = f"{share:.1%} of the texts of {task}" if share else "no text"
    return Recommendation(
        setting="max_length",
        value=str(value),
        current=str(max_length),
        followed=max_length >= value,
        rule="95% of the texts whole",
        condition=f"an estimated {needed:,} word pieces or fewer in 95% of every task's texts",
        reason=f"{max_length} truncates {cut}; a higher limit costs nothing if texts are short: a "
        "batch is as long as its longest text",
        source=OURS,
    )


def _turning_points(measures: Measures) -> Iterator[str]:
    for bound, rule in turning_points(PLAN_RULES, measures):
        now = round(getattr(measures, bound.measure), 1)
        yield f"{bound} (now {now:,}): {rule.recommendation}"


def _table(profiles: Sequence[TaskProfile]) -> str:
    rows = [_row(profile) for profile in profiles]
    alignment = ("left", "left", *["right"] * (len(rows[0]) - 2))
    return tabulate(rows, headers="keys", disable_numparse=True, colalign=alignment)


def _row(profile: TaskProfile) -> dict[str, str]:
    figures = profile.as_row()
    share, evenness = profile.largest_share, profile.evenness
    return {
        "task": profile.task,
        "kind": profile.kind.name,
        "train": f"{profile.examples:,}",
        "labels": "–" if share is None else str(len(profile.label_counts)),
        "largest": "–" if share is None else f"{share:.0%}",
        "even": "–" if evenness is None else f"{evenness:.2f}",
        f"< {FEW_EXAMPLES}": str(len(profile.labels_given(0, FEW_EXAMPLES - 1))),
        "words": f"{figures['words_median']}, {figures['words_95']}",
        "pieces": str(figures["pieces_95"]),
        "repeats": f"{profile.repeated:,}",
    }


def _lines(advised: Recommendation) -> list[str]:
    return [
        f"{advised.setting:{len(INDENT)}}{advised.value}{_beside_the_recipe(advised)}",
        _wrapped(f"{advised.condition}: {advised.reason}.", INDENT),
        _wrapped(f"Source: {advised.source}", INDENT),
    ]


def _beside_the_recipe(advised: Recommendation) -> str:
    if advised.followed is None:
        return ""
    if advised.current == advised.value:
        return " (as the recipe has it)"
    return f" (the recipe has {advised.current}{', which suffices' if advised.followed else ''})"


def _list(indent: str, title: str, lines: Sequence[str]) -> list[str]:
    return [indent + title, *(_wrapped(line, indent, "- ") for line in lines)] if lines else []


def _wrapped(text: str, indent: str, bullet: str = "") -> str:
    following = indent + " " * len(bullet)
    return textwrap.fill(text, WIDTH, initial_indent=indent + bullet, subsequent_indent=following)
