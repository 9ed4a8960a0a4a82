"""A stage of training: what is frozen, how fast the rest learns, and for how long."""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, shown
from mtl_keras.plans.combination import SUM, Combination
from mtl_keras.plans.freeze_plan import FreezePlan, check_group, named_groups, names_within
from mtl_keras.plans.layer_groups import backbone_of, depth_of, height_of, only_of, tasks_of
from mtl_keras.plans.protection import Protection
from mtl_keras.plans.ranges import count, is_finite
from mtl_keras.plans.weighting import EQUAL, Weighting, check_balance

SHAPES = ("constant", "linear", "cosine", "slanted_triangular")
MEAN = "mean"
LEAST = {
    "epochs": "a stage has at least 1 epoch",
    "steps_per_epoch": "an epoch has at least 1 step",
    "patience": "patience is at least 1 evaluation",
}


@dataclass(frozen=True, kw_only=True)
class RateSchedule:
    """How the learning rates rise and fall over the steps of a stage.

    Args:
        shape: after the warm-up `constant`; `linear` or `cosine` down to 0; or
            `slanted_triangular`: linear up and down between 1/32 and 1 (Howard & Ruder, 2018,
            "Universal language model fine-tuning", 3.2).
        warmup: share of the steps in which the rate rises linearly, in [0, 1); None is 0, for
            `slanted_triangular` 0.1.

    Raises:
        InputError: another shape, a share outside [0, 1).
    """

    shape: str = "constant"
    warmup: float | None = None

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise InputError(
                f"a learning rate schedule is one of {', '.join(SHAPES)}. Received: {self.shape!r}"
            )
        if self.warmup is not None and not (is_finite(self.warmup) and 0 <= self.warmup < 1):
            raise InputError(
                "warmup is a share of the steps in [0, 1), 0.1 for a tenth. Received: "
                f"{shown(self.warmup)}"
            )

    @property
    def rise(self) -> float:
        """The share of the steps in which the rate rises."""
        if self.warmup is None:
            return 0.1 if self.shape == "slanted_triangular" else 0.0
        return self.warmup


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    """A learning rate for every layer group, from a few numbers.

    The top block learns at `backbone`, each block below at `decay` times the rate of the one
    above, the embeddings below the lowest block (layer-wise decay, Howard & Ruder, 2018,
    "Universal language model fine-tuning", eq. in 3.2).

    Args:
        heads: rate of every head.
        backbone: rate of the top block.
        decay: factor from a block to the one below, in (0, 1].
        groups: layer group, or range of blocks, → its own rate instead.
        schedule: how the rates rise and fall over the stage.
        own: which of these the stage itself sets, apart from those that all stages share.
        fixed: which of `heads`, `backbone` and `decay` a recipe gives; a search keeps them, and
            those that differ from the default.

    Raises:
        InputError: a rate that is not a positive, finite number, a decay outside (0, 1], a name
            that no layer group has.

    Example:

    >>> rates = LearningRates(heads=1e-3, backbone=1e-4, decay=0.5)
    >>> rates.by_group(["embeddings", "block_0", "block_1", "heads/topic"])
    {'embeddings': 2.5e-05, 'block_0': 5e-05, 'block_1': 0.0001, 'heads/topic': 0.001}
    >>> rates = LearningRates(heads=1e-4, groups={"block_0-1": 1e-6, "block_2": 5e-6})
    >>> rates.by_group(["block_0", "block_1", "block_2", "heads/topic"])
    {'block_0': 1e-06, 'block_1': 1e-06, 'block_2': 5e-06, 'heads/topic': 0.0001}
    """

    heads: float = 1e-3
    backbone: float = 5e-5
    decay: float = 1.0
    groups: Mapping[str, float] = field(default_factory=dict)
    schedule: RateSchedule = RateSchedule()
    own: Collection[str] = field(default=(), compare=False)
    fixed: Collection[str] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for name in self.groups:
            check_group(name)
        named = {"heads": self.heads, "backbone": self.backbone} | dict(self.groups)
        for name, rate in named.items():
            if not (is_finite(rate) and rate > 0):
                raise InputError(
                    f"learning rate {name}: {shown(rate)} is not a positive, finite number; "
                    "freeze what should not learn"
                )
        if not (is_finite(self.decay) and 0 < self.decay <= 1):
            raise InputError(
                f"learning rate decay: {shown(self.decay)} is outside (0, 1]; 1 is no decay"
            )
        for name in ("heads", "backbone", "decay"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def free(self) -> tuple[str, ...]:
        """Which of `heads`, `backbone` and `decay` are not set: a search may choose them."""
        defaults = {name: getattr(LearningRates, name) for name in ("heads", "backbone", "decay")}
        return tuple(
            name
            for name, default in defaults.items()
            if name not in self.fixed and getattr(self, name) == default
        )

    def choosing(self, rates: Mapping[str, float]) -> "LearningRates":
        """Returns these rates with the free ones replaced.

        Example:

        >>> LearningRates(heads=1e-2).choosing({"heads": 1e-3, "backbone": 1e-4}).backbone
        0.0001
        """
        chosen: dict[str, Any] = {name: rates[name] for name in self.free if name in rates}
        return dataclasses.replace(self, **chosen)

    def within(self, blocks: int) -> "LearningRates":
        """Returns the same for an encoder of which only the lowest `blocks` are used."""
        groups = {names_within(name, blocks): rate for name, rate in self.groups.items()}
        groups.pop("", None)
        return dataclasses.replace(self, groups=groups)

    def by_group(self, groups: Sequence[str]) -> dict[str, float]:
        """Layer group → learning rate.

        Raises:
            InputError: a rate for a group that is not among these; it lists those that are.
        """
        top = depth_of(groups) - 1
        rates = dict.fromkeys(groups, self.heads) | {
            name: self.backbone * self.decay ** (top - height_of(name))
            for name in backbone_of(groups)
        }
        return rates | self.explicit(groups)

    def explicit(self, groups: Sequence[str]) -> dict[str, float]:
        """Returns layer group → rate for the groups that have one of their own."""
        return {
            group: rate
            for name, rate in self.groups.items()
            for group in named_groups(name, groups)
        }


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A freeze plan, learning rates, and how long.

    Args:
        freeze: which layer groups are frozen: a freeze plan, or its rule, as `top:2`.
        epochs: passes over the data, at least 1; with `patience` the most there are.
        steps_per_epoch: how many steps an epoch is, instead of a pass: each continues where the
            last one ended. None: a pass.
        learning_rate: the rates of the groups that train.
        weight_decay: weight decay of kernels and tables; biases and layer norms have none.
        tasks: the tasks that train; all if empty. The heads of the others are frozen.
        patience: evaluations without a better `watch` after which the stage ends. None: never.
        watch: what is watched on the validation split: `mean` of the tasks' metrics, or one
            of `watchable`.
        solve: whether to solve the heads instead of training them for epochs: to fit them to
            their optimum on the encoder's vectors, which are computed once. Only if the stage
            freezes the encoder. It counts as one epoch; rates, decay and patience have no effect.
            None: as the named plan says, else no.
        freeze_when_done: whether a task's head freezes once its own metric has not been better
            for `patience` evaluations; when all have, the stage ends.
        protect: what keeps the tasks without batches, whose heads are frozen, from drifting
            (a value of `mtl_keras.plans.protection`).
        combine: how the tasks' gradients of shared weights become one (`plans.combination`).
        weighting: how the tasks' losses are weighted (`plans.weighting`).

    Raises:
        InputError: a number out of its range, no combination, no weighting.
    """

    freeze: FreezePlan = field(default_factory=FreezePlan)  # or its rule, as `top:2`
    epochs: int = 1
    steps_per_epoch: int | None = None
    learning_rate: LearningRates = field(default_factory=LearningRates)
    weight_decay: float = 0.01
    tasks: tuple[str, ...] = ()
    patience: int | None = None
    watch: str = MEAN
    solve: bool | None = None
    freeze_when_done: bool = False
    protect: Protection | None = None
    combine: Combination = SUM
    weighting: Weighting = EQUAL

    def __post_init__(self) -> None:
        if not isinstance(self.freeze, FreezePlan):
            object.__setattr__(self, "freeze", FreezePlan(self.freeze))
        if isinstance(self.tasks, str):
            raise InputError(f"a stage's tasks are a list of names. Received: {self.tasks!r}")
        object.__setattr__(self, "tasks", tuple(self.tasks))
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None or name == "epochs":
                object.__setattr__(self, name, count(value, least))
        check_balance(self.combine, self.weighting)
        if self.freeze_when_done and self.patience is None:
            raise InputError("freeze_when_done needs patience: after how many evaluations?")
        if not (is_finite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(
                f"weight_decay is a finite number, 0 or more. Received: {shown(self.weight_decay)}"
            )

    def trained_tasks(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Returns which of these tasks train in the stage."""
        return tuple(name for name in tasks if name in (self.tasks or tasks))

    def idle_tasks(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """Returns which of these tasks do not train in the stage."""
        return tuple(name for name in tasks if name not in self.trained_tasks(tasks))

    def frozen(self, groups: Sequence[str]) -> tuple[str, ...]:
        """Returns which of these are frozen: the plan's, and heads and own blocks of idle tasks."""
        idle = map(FreezePlan, only_of(groups, self.idle_tasks(tasks_of(groups))))
        return functools.reduce(operator.or_, idle, self.freeze).frozen(groups)

    def check_solvable(self, groups: Sequence[str]) -> None:
        """Raises InputError if the stage solves heads but does not freeze the encoder."""
        trains = [name for name in backbone_of(groups) if name not in self.frozen(groups)]
        if self.solve and trains:
            raise InputError(
                f"heads are solved only if the encoder is frozen, but {', '.join(trains)} "
                "would train; freeze: backbone, or give a number of epochs"
            )

    def warnings(self, groups: Sequence[str]) -> list[str]:
        """Returns warnings of settings that have no effect on a model of these layer groups."""
        frozen = self.frozen(groups)
        useless = [name for name in self.learning_rate.explicit(groups) if name in frozen]
        if "backbone" in self.learning_rate.own and set(backbone_of(groups)) <= set(frozen):
            useless.append("backbone")
        if not useless:
            return []
        return [f"learning rates for frozen groups have no effect: {', '.join(useless)}"]


def watchable(tasks: Sequence[Task]) -> list[str]:
    """What a stage can watch: the mean, and each task's metric and loss on the validation split.

    Example:

    >>> watchable([Task("topic")])
    ['mean', 'loss', 'topic_accuracy', 'topic_loss']
    """
    own = [name for task in tasks for name in (f"{task.name}_{task.metric}", f"{task.name}_loss")]
    return [MEAN, "loss", *own]


def check_sequence(stages: Sequence[Stage], groups: Sequence[str] = ()) -> None:
    """Raises `InputError` if a stage changes nothing compared with the one before.

    Freeze plans are compared by what they freeze of the model's layer groups if these are given,
    else by their rules.
    """
    for number, (before, after) in enumerate(itertools.pairwise(stages), 2):
        alike = before.frozen(groups) == after.frozen(groups) if groups else False
        freeze = before.freeze if alike else after.freeze
        if dataclasses.replace(after, epochs=before.epochs, freeze=freeze) == before:
            raise InputError(
                f"stage {number} thaws and freezes nothing and trains as stage {number - 1} does; "
                f"make them one, with epochs: {before.epochs + after.epochs}"
            )
