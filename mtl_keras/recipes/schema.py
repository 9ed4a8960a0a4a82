"""The schema of recipes: keys, types, and the checks that need no data and no encoder."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal, Self

import pydantic

from mtl_keras.data.own_blocks import completed
from mtl_keras.data.schedules import Schedule, parse_schedule
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, nearest
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import (
    MEAN,
    LearningRates,
    RateSchedule,
    Stage,
    check_sequence,
    watchable,
)
from mtl_keras.plans.training_plan import NAMED_PLANS, TrainingPlan
from mtl_keras.recipes.strict import Strict, check_at
from mtl_keras.recipes.task_schema import TaskSchema
from mtl_keras.recipes.values import (
    LARGEST_BATCH,
    LARGEST_COUNT,
    LARGEST_SEED,
    Number,
    Whole,
    combination,
    freeze_plan,
    loss_weighting,
    protection,
    true_false_or_auto,
)

AUTO_EPOCHS = "auto"


class _Rates(Strict):
    heads: Number = LearningRates.heads
    backbone: Number = LearningRates.backbone
    decay: Number = LearningRates.decay
    groups: dict[str, Number] = {}
    schedule: str = RateSchedule.shape
    warmup: Number | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        self.build()
        return self

    def build(self, own: Collection[str] = ()) -> LearningRates:
        return LearningRates(
            heads=self.heads,
            backbone=self.backbone,
            decay=self.decay,
            groups=self.groups,
            schedule=RateSchedule(shape=self.schedule, warmup=self.warmup),
            own=own,
            fixed=sorted(self.model_fields_set & {"heads", "backbone", "decay"}),
        )

    def over(self, shared: "_Rates") -> LearningRates:
        """The rates that all stages share, overridden by those written here."""
        written = {name: getattr(self, name) for name in self.model_fields_set}
        others = {name: rate for name, rate in shared.groups.items() if name not in self.groups}
        update = {**written, "groups": others | self.groups}
        return shared.model_copy(update=update).build(own=sorted(self.model_fields_set))


class _StageSettings(Strict):
    """Keys that each stage may have, and `training` for all stages."""

    epochs: Whole = pydantic.Field(1, ge=1, le=LARGEST_COUNT)
    solve: bool | None = None
    steps_per_epoch: Whole | None = pydantic.Field(None, ge=1, le=LARGEST_COUNT)
    learning_rate: _Rates = _Rates()
    weight_decay: Number = pydantic.Field(Stage.weight_decay, ge=0)
    patience: Whole | None = pydantic.Field(None, ge=1, le=LARGEST_COUNT)
    watch: str = MEAN
    freeze_when_done: bool = False
    protect: Annotated[Any, pydantic.AfterValidator(protection)] = None
    combine: Annotated[Any, pydantic.AfterValidator(combination)] = Stage.combine
    weighting: Annotated[Any, pydantic.AfterValidator(loss_weighting)] = Stage.weighting

    @pydantic.model_validator(mode="before")
    @classmethod
    def _solve_for_auto(cls, content: Any) -> Any:
        """`epochs: auto` is another way to write `solve: true`."""
        if not isinstance(content, dict):
            return content
        if content.get("solve") is not None and "epochs" in content and cls is _Stage:
            raise ValueError("solve and epochs both set how heads learn; keep one")
        if content.get("epochs") != AUTO_EPOCHS:
            return content
        return {key: value for key, value in content.items() if key != "epochs"} | {"solve": True}

    def settings(self) -> dict[str, Any]:
        """The stage arguments that were written."""
        written = {name: getattr(self, name) for name in self.model_fields_set & STAGE_KEYS}
        return written | {"learning_rate": self.learning_rate.build()}


class _Stage(_StageSettings):
    freeze: Annotated[Any, pydantic.AfterValidator(freeze_plan)] = FreezePlan("none")
    tasks: list[str] = []

    def build(self, shared: _StageSettings) -> Stage:
        rates = self.learning_rate.over(shared.learning_rate)
        settings = shared.settings() | self.settings() | {"learning_rate": rates}
        if settings.get("solve"):
            settings |= {"epochs": 1, "steps_per_epoch": None}
        return Stage(freeze=self.freeze, tasks=tuple(self.tasks), **settings)


STAGE_KEYS = set(_StageSettings.model_fields)
STAGE_ONLY = set(_Stage.model_fields) - STAGE_KEYS


class _Training(_StageSettings):
    plan: str | None = None
    stages: list[_Stage] = []
    schedule: Annotated[Any, pydantic.AfterValidator(parse_schedule)] = parse_schedule(
        "proportional"
    )
    loss_weights: dict[str, Annotated[Number, pydantic.Field(gt=0)]] = {}
    batch_size: Whole = pydantic.Field(32, ge=1, le=LARGEST_BATCH)
    max_tokens: Whole | None = pydantic.Field(None, ge=1, le=LARGEST_COUNT)
    seed: Whole = pydantic.Field(0, ge=0, le=LARGEST_SEED)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    strategy: Literal["auto", "mirrored", "multi_worker", "tpu"] = "auto"
    jit_compile: Annotated[Any, pydantic.AfterValidator(true_false_or_auto)] = False
    deterministic: bool = False
    cache: bool = True
    checkpoint_minutes: Number = pydantic.Field(5.0, gt=0)
    start_from: str | None = pydantic.Field(None, min_length=1)
    restore: str | None = MEAN

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.plan) == bool(self.stages):
            raise ValueError(
                "give either stages (a list) or plan (the name of a training plan). Received: "
                + ("both" if self.plan else "neither")
            )
        for index, stage in enumerate(self.stages):
            check_at(("stages", index), stage.build, self)
        check_sequence([stage.build(self) for stage in self.stages])
        self._check_balance((), self, Stage(**self.settings()))
        for index, stage in enumerate(self.stages):
            self._check_balance(("stages", index), stage, stage.build(self))
        check_at(("max_tokens",), self._check_budget)
        check_at(("jit_compile",), self._check_measured)
        check_at(("plan",) if self.plan else (), self.build)
        return self

    def build(self) -> TrainingPlan:
        if self.plan:
            return TrainingPlan(_nearest_plan(self.plan), Stage(**self.settings()))
        return TrainingPlan.of(stage.build(self) for stage in self.stages)

    def _check_budget(self) -> None:
        """Checks that `max_tokens` can be kept. Joined batches would exceed it: both get the width
        of the longer.
        """
        if self.max_tokens is None:
            return
        if "batch_size" in self.model_fields_set:
            raise InputError("max_tokens and batch_size both set the size of a batch; keep one")
        if any(part.steps_per_epoch for part in (self, *self.stages)):
            raise InputError(
                "max_tokens counts all texts beforehand, which steps_per_epoch avoids; use "
                "batch_size with steps_per_epoch"
            )
        if self.schedule.joins_tasks:
            raise InputError(
                "schedule: joint joins the tasks' batches, which would exceed max_tokens; use "
                "batch_size"
            )
        if any(part.protect and part.protect.replays for part in (self, *self.stages)):
            raise InputError(
                "protect: gradient_projection joins batches, which would exceed max_tokens; use "
                "batch_size"
            )

    def _check_balance(self, place: tuple, part: _StageSettings, stage: Stage) -> None:
        for key, check in (("combine", _check_combine), ("weighting", _check_weighting)):
            at = (*place, key) if key in part.model_fields_set else (key,)
            check_at(at, check, stage, self.schedule)

    def _check_measured(self) -> None:
        if self.deterministic and self.jit_compile == "auto":
            raise InputError(
                "auto depends on measured times, so runs may differ in their bits; with "
                "deterministic, set true or false"
            )

    def places(self) -> list[tuple[str | int, ...]]:
        """The place of each stage in the recipe, or that of the plan."""
        stages: list[tuple[str | int, ...]] = [
            ("training", "stages", index) for index in range(len(self.stages))
        ]
        return stages or [("training", "plan")]


def _nearest_plan(name: str) -> str:
    """Returns the name; if there is no such plan, raises an error with the nearest name."""
    try:
        return TrainingPlan(name).name
    except InputError as error:
        raise InputError(f"{error}{nearest(name, NAMED_PLANS)}") from None


class RecipeSchema(Strict):
    """A whole recipe file."""

    encoder: str
    sha256: Annotated[str, pydantic.Field(pattern="^[0-9a-fA-F]{64}$")] | None = None
    max_length: Whole = pydantic.Field(128, ge=3, le=LARGEST_COUNT)
    pooling: Literal["mean", "cls", "pooler", "last"] | None = None
    tasks: dict[str, TaskSchema] = pydantic.Field(min_length=1)
    training: _Training = pydantic.Field(
        description="how it trains: stages or a plan, batches, precision, devices, checkpoints"
    )

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        for name, task in self.tasks.items():
            check_at(("tasks", name), task.build, name)
        check_at(("tasks",), self.build_tasks)
        names = watchable(self.build_tasks())
        for settings, place in self._places():
            check_at((*place, "watch"), _check_watch, settings.watch, names)
            for name in getattr(settings, "tasks", ()):
                check_at((*place, "tasks"), self._check_task, name)
            for name in getattr(settings, "freeze", FreezePlan()).tasks:
                check_at((*place, "freeze"), self._check_task, name)
        for name in self.training.build().tasks:
            check_at(("training", "plan"), self._check_task, name)
        for name in self.training.loss_weights:
            check_at(("training", "loss_weights", name), self._check_task, name)
        check_at(("training", "restore"), self._check_restore)
        return self

    def build_tasks(self) -> tuple[Task, ...]:
        """The declared tasks; all that have own blocks together say so."""
        own_blocks = completed({name: task.own_blocks for name, task in self.tasks.items()})
        return tuple(
            task.build(name).with_own_blocks(own_blocks[name]) for name, task in self.tasks.items()
        )

    def _places(self) -> list[tuple[_StageSettings, tuple[str | int, ...]]]:
        """All settings of stages, with their places in the recipe."""
        own = zip(self.training.stages, self.training.places(), strict=False)
        return [(self.training, ("training",)), *own]

    def _check_task(self, name: str) -> None:
        if name not in self.tasks:
            raise InputError(f"there is no task {name!r}; there are {', '.join(self.tasks)}")

    def _check_restore(self) -> None:
        name = self.training.restore
        if name is not None and name not in (MEAN, *self.tasks):
            raise InputError(
                f"restore must be {MEAN}, a task ({', '.join(self.tasks)}), or null for the last "
                f"weights. Received: {name!r}"
            )


def _check_combine(stage: Stage, schedule: Schedule) -> None:
    """Checks that the gradients, if they are combined, come in one step, and in one way."""
    if not stage.combine.combines:
        return
    if not schedule.joins_tasks:
        raise InputError(
            "combining gradients needs a batch of every task in each step; write schedule: joint"
        )
    if stage.protect and stage.protect.replays:
        raise InputError(
            "protect: gradient_projection combines gradients in its own way; keep one of the two"
        )


def _check_weighting(stage: Stage, schedule: Schedule) -> None:
    if stage.weighting.needs_all and not schedule.joins_tasks:
        raise InputError(
            "this weighting needs a loss of every task in each step; write schedule: joint"
        )


def _check_watch(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise InputError(f"there is no metric {name!r}; there are {', '.join(names)}")
