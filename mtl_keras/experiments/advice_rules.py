"""The rules of `mtl-keras advise`: bounds on a few counts. The first rule that applies wins."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl_keras.experiments.data_profile import TaskProfile

# Every threshold of the rules. The methods are published; the thresholds are our rules of thumb.
FEW, SMALL, MEDIUM, LARGE = 200, 1_000, 3_000, 10_000  # examples of the smallest task
UNEQUAL, VERY_UNEQUAL = 3, 10  # the largest task as a multiple of the smallest
ENOUGH_TO_STOP_BY = 200  # validation examples of every task
OURS = "our rule of thumb"


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
        source: the paper that found it, and for what.
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


_OPEN_ENDED = (
    Bound("smallest_task", SMALL),
    Bound("size_ratio", VERY_UNEQUAL),
    Bound("smallest_validation", ENOUGH_TO_STOP_BY),
)

PLAN_RULES = (
    Rule(
        "few examples",
        (Bound("smallest_task", FEW, below=True), Bound("tagging_tasks", 1, below=True)),
        "linear_probe",
        "so few examples can fit no more than heads on frozen features; training everything "
        "distorts good features, most of all for inputs unlike these (shown on images)",
        "Kumar et al., 2022, Fine-tuning can distort pretrained features",
    ),
    Rule(
        "small task",
        (Bound("smallest_task", SMALL, below=True),),
        "heads_then_top:2",
        "training the last fourth of the layers gave 90% of the quality of training all (BERT, "
        "RoBERTa); the lower ones keep what they know. Two blocks are a third of six, a sixth "
        "of twelve",
        "Lee et al., 2019, What would Elsa do? Freezing layers during transformer fine-tuning",
    ),
    Rule(
        "tasks of very different sizes",
        _OPEN_ENDED,
        "plateau",
        "such tasks do not finish at the same time: each stage lasts until validation no "
        "longer improves, as in chain-thaw, instead of for a number of epochs",
        "Felbo et al., 2017, Using millions of emoji occurrences (a stage ends by validation)",
    ),
    Rule(
        "medium task",
        (Bound("smallest_task", MEDIUM, below=True),),
        "gradual",
        "blocks are unfrozen from the top, which holds the least general knowledge, so that the "
        "lower ones forget less",
        "Howard & Ruder, 2018, Universal language model fine-tuning",
    ),
    Rule(
        "large task",
        (Bound("smallest_task", LARGE, below=True),),
        "lp_ft",
        "everything may train, but only after the heads: the first gradients of random heads "
        "would spoil the encoder. The data sets known for unstable fine-tuning have 2,490 to "
        "8,551 examples (RTE, MRPC, CoLA)",
        "Kumar et al., 2022; Mosbach et al., 2021, On the stability of fine-tuning BERT",
    ),
    Rule(
        "plenty of examples",
        (),
        "full",
        "with so many examples nothing needs protection, and one stage is simplest; "
        "fine-tuning BERT did as well as frozen features, or better, on most tasks",
        "Peters et al., 2019, To tune or not to tune?",
    ),
)

SCHEDULE_RULES = (
    Rule(
        "tasks of similar size",
        (Bound("size_ratio", UNEQUAL, below=True),),
        "proportional",
        "every example is seen once per epoch, and no task drowns the others",
        OURS,
    ),
    Rule(
        "tasks of unequal size",
        (Bound("size_ratio", VERY_UNEQUAL, below=True),),
        "temperature:2",
        "samples by the square root of the sizes: small tasks come more often than their share, "
        "the largest still most often",
        "Stickland & Murray, 2019, BERT and PALs (square root sampling)",
    ),
    Rule(
        "very unequal, epochs not known ahead",
        _OPEN_ENDED,
        "temperature:5",
        "nearly even shares throughout; a stage of plateau has no fixed number of epochs, so "
        "there is nothing to anneal over",
        "Arivazhagan et al., 2019, Massively multilingual neural machine translation in the wild",
    ),
    Rule(
        "very unequal",
        (),
        "annealed",
        "favours the large task first, for the encoder; the shares are nearly even at the end, so "
        "that the small tasks are not forgotten",
        "Stickland & Murray, 2019, BERT and PALs",
    ),
)

EPOCH_RULES = (
    Rule(
        "epochs not known ahead",
        _OPEN_ENDED,
        "5",
        "the most that a stage of plateau takes; validation usually ends it earlier",
        OURS,
    ),
    Rule(
        "few steps an epoch",
        (Bound("smallest_task", SMALL, below=True),),
        "20",
        "training on small data sets became stable when it lasted longer",
        "Mosbach et al., 2021, On the stability of fine-tuning BERT (20 epochs)",
    ),
    Rule(
        "in between",
        (Bound("smallest_task", LARGE, below=True),),
        "10",
        "between the other two",
        OURS,
    ),
    Rule(
        "many steps an epoch",
        (),
        "3",
        "2 to 4 epochs worked well on all tasks in the paper",
        "Devlin et al., 2019, BERT",
    ),
)


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
