"""Training plans: lists of stages, and the plans that have names in the field."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mtl_keras.errors import InputError, shown
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.layer_groups import depth_of, tasks_of
from mtl_keras.plans.stage import Stage, check_sequence

NAMED_PLANS = (
    "full",
    "linear_probe",
    "lp_ft",
    "heads_then_top:<k>",
    "gradual",
    "plateau",
    "lowest_half",
    "head_frozen:<task>",
)
EXPLICIT = "stages"
PLATEAU_PATIENCE = 2


@dataclass(frozen=True)
class TrainingPlan:
    """A list of stages, given or named.

    The named plans fill in the freeze plans of a template stage, whose epochs, learning rates
    and other settings all stages share:

    * `full`: everything trains.
    * `linear_probe`: only the heads learn.
    * `lp_ft`: the heads learn, then everything at the backbone's rate (Kumar et al., 2022,
      "Fine-tuning can distort pretrained features and underperform out-of-distribution").
    * `heads_then_top:<k>`: the heads learn, then the k top blocks with them.
    * `gradual`: the heads learn, then each stage unfreezes one more block, from the top down; the
      last one unfreezes the lowest block and the embeddings (Howard & Ruder, 2018, "Universal
      language model fine-tuning").
    * `plateau`: as `gradual`, but a stage lasts until what it watches has not improved for
      `patience` evaluations (2 if the template sets none).
    * `lowest_half`: the embeddings and the lower half of the blocks stay frozen.
    * `head_frozen:<task>`: the heads learn, then that head stays frozen while the other tasks
      train everything else.

    Heads that learn alone are solved (`Stage.solve`), which takes no epochs. With `solve` false in
    the template they are trained: they take a third of the epochs, in `gradual` and `plateau`
    those of a stage. `epochs` of the template are those of the whole plan: `gradual` divides them
    evenly among its stages, with at least one a stage; each stage of `plateau` has at most that
    many.

    Args:
        name: one of these, or `stages`.
        template: the settings that the stages of a named plan share.
        given: the stages if the name is `stages`.
        places: place in the recipe of each given stage, or of the name; errors begin with it.

    Raises:
        InputError: another name; `stages` without a stage.

    Example:

    >>> groups = ["embeddings", "block_0", "block_1", "heads/topic"]
    >>> plan = TrainingPlan("gradual", Stage(epochs=6))
    >>> [(str(stage.freeze), stage.epochs) for stage in plan.stages(groups)]
    [('backbone', 1), ('top:1', 3), ('none', 3)]
    """

    name: str
    template: Stage = field(default_factory=Stage)
    given: tuple[Stage, ...] = ()
    places: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.name != EXPLICIT or not self.given:
            _expansion(self.name)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, stages: Iterable[Stage]) -> "TrainingPlan":
        """Returns the plan `stages` of these stages.

        Raises:
            InputError: an item is no stage, or there is none.
        """
        if isinstance(stages, str | Stage) or not isinstance(stages, Iterable):
            raise InputError(f"stages must be a list of Stage(…). Received: {shown(stages)}")
        given = tuple(stages)
        for stage in given:
            if not isinstance(stage, Stage):
                raise InputError(
                    f"stages must be a list of Stage(…). Received in it: {shown(stage)}"
                )
        return cls(EXPLICIT, given=given)

    def as_template(self) -> Stage:
        """Returns a template for other plans; of stages the last one, with all their epochs."""
        if self.name != EXPLICIT:
            return self.template
        epochs = sum(stage.epochs for stage in self.given)
        return replace(
            self.given[-1], epochs=epochs, freeze=FreezePlan.none(), tasks=(), protect=None
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the plan names."""
        stages = self.given or (self.template,)
        named = [name for stage in stages for name in (*stage.freeze.tasks, *stage.tasks)]
        _, _, argument = self.name.partition("head_frozen:")
        return tuple(dict.fromkeys([*named, argument] if argument else named))

    @property
    def free_rates(self) -> tuple[str, ...]:
        """The rates that a search may choose, of the stages in which something is trained.

        Example:

        >>> TrainingPlan("full").free_rates, TrainingPlan("linear_probe").free_rates
        (('heads', 'backbone', 'decay'), ())
        """
        if self.name == "linear_probe" and self.template.solve is not False:
            return ()
        trained = [stage for stage in self.given or (self.template,) if not stage.solve]
        free = (name for stage in trained for name in stage.learning_rate.free)
        return tuple(dict.fromkeys(free))

    def choosing(self, rates: Mapping[str, float]) -> "TrainingPlan":
        """Returns the same plan with the free rates replaced."""
        return self._changed(
            lambda stage: replace(stage, learning_rate=stage.learning_rate.choosing(rates))
        )

    def stopping_after(self, patience: int) -> "TrainingPlan":
        """Returns the same plan with this patience for stages that have none."""
        return self._changed(lambda stage: replace(stage, patience=stage.patience or patience))

    def within(self, blocks: int) -> "TrainingPlan":
        """Returns the same plan for an encoder of which only the lowest `blocks` are used."""
        _, _, count = self.name.partition("heads_then_top:")
        name = f"heads_then_top:{min(int(count), blocks)}" if count else self.name
        plan = replace(self, name=name)
        return plan._changed(
            lambda stage: replace(
                stage,
                freeze=stage.freeze.within(blocks),
                learning_rate=stage.learning_rate.within(blocks),
            )
        )

    def stages_of_used(self, groups: Sequence[str]) -> tuple[Stage, ...]:
        """Returns the stages on a model that may lack upper blocks, since no head reads them."""
        return self.within(depth_of(groups)).stages(groups)

    def stages(self, groups: Sequence[str]) -> tuple[Stage, ...]:
        """Returns the stages on a model of these layer groups, lowest first.

        Raises:
            InputError: a block, head or rate that the model lacks, or a stage that changes
                nothing.
        """
        stages = self.given
        if self.name != EXPLICIT:
            with self._located(0):
                stages = tuple(_expansion(self.name)(self.template, groups))
        for number, stage in enumerate(stages):
            with self._located(number):
                stage.frozen(groups)
                stage.learning_rate.by_group(groups)
                stage.check_solvable(groups)
                check_sequence(stages[: number + 1], groups)
        return stages

    def _changed(self, change: Callable[[Stage], Stage]) -> "TrainingPlan":
        return replace(self, template=change(self.template), given=tuple(map(change, self.given)))

    @contextlib.contextmanager
    def _located(self, number: int) -> Iterator[None]:
        """Inside this context, errors begin with the recipe's place of this stage."""
        try:
            yield
        except InputError as error:
            if not self.places:
                raise
            place = self.places[min(number, len(self.places) - 1)]
            raise InputError(f"{place}: {error}") from None


def _expansion(name: str) -> Callable[[Stage, Sequence[str]], Iterable[Stage]]:
    word, _, argument = name.partition(":")
    plain = {
        "full": _full,
        "linear_probe": _linear_probe,
        "lp_ft": _lp_ft,
        "gradual": _gradual,
        "plateau": _plateau,
        "lowest_half": _lowest_half,
    }
    if name in plain:
        return plain[name]
    if word == "heads_then_top" and re.fullmatch("[0-9]{1,4}", argument):
        return lambda stage, groups: _heads_then(stage, freeze=FreezePlan.top(int(argument)))
    if word == "head_frozen" and re.fullmatch("[a-z][a-z0-9_]*", argument):
        return lambda stage, groups: _head_frozen(stage, groups, argument)
    raise InputError(
        f"a training plan is one of {', '.join(NAMED_PLANS)}, or a list of stages. "
        f"Received: {name!r}"
    )


def _full(stage: Stage, groups: Sequence[str]) -> list[Stage]:
    return [replace(stage, freeze=FreezePlan.none())]


def _linear_probe(stage: Stage, groups: Sequence[str]) -> list[Stage]:
    return [_heads_alone(stage)]


def _lp_ft(stage: Stage, groups: Sequence[str]) -> list[Stage]:
    rates = stage.learning_rate
    low = replace(rates, heads=rates.backbone)
    return _heads_then(stage, freeze=FreezePlan.none(), learning_rate=low)


def _heads_alone(stage: Stage) -> Stage:
    """Returns the stage of the heads: solved, unless the template has `solve=False`."""
    if stage.solve is False:
        return replace(stage, freeze=FreezePlan.backbone())
    return replace(stage, freeze=FreezePlan.backbone(), solve=True, epochs=1, steps_per_epoch=None)


def _heads_then(stage: Stage, **changes: Any) -> list[Stage]:
    if stage.solve is not False:
        return [_heads_alone(stage), replace(stage, solve=False, **changes)]
    first = max(1, stage.epochs // 3)
    rest = max(1, stage.epochs - first)
    return [
        replace(stage, freeze=FreezePlan.backbone(), epochs=first),
        replace(stage, epochs=rest, **changes),
    ]


def _gradual(stage: Stage, groups: Sequence[str]) -> list[Stage]:
    heads, *thawing = _thawing(groups)
    if stage.solve is False:
        return _in_turn(stage, [heads, *thawing])
    return [_heads_alone(stage), *_in_turn(replace(stage, solve=False), thawing)]


def _in_turn(stage: Stage, thawing: Sequence[FreezePlan]) -> list[Stage]:
    """Returns a stage for each freeze plan, with the epochs divided among them."""
    share, rest = divmod(max(stage.epochs, len(thawing)), len(thawing))
    return [
        replace(stage, freeze=freeze, epochs=share + (number < rest))
        for number, freeze in enumerate(thawing)
    ]


def _plateau(stage: Stage, groups: Sequence[str]) -> list[Stage]:
    patience = stage.patience or PLATEAU_PATIENCE
    heads, *thawing = _thawing(groups)
    trained = [replace(stage, freeze=freeze, patience=patience) for freeze in thawing]
    if stage.solve is False:
        return [replace(stage, freeze=heads, patience=patience), *trained]
    return [_heads_alone(stage), *(replace(one, solve=False) for one in trained)]


def _lowest_half(stage: Stage, groups: Sequence[str]) -> list[Stage]:
    return [replace(stage, freeze=FreezePlan.lowest(depth_of(groups) // 2))]


def _head_frozen(stage: Stage, groups: Sequence[str], task: str) -> list[Stage]:
    tasks = tasks_of(groups)
    FreezePlan.head(task).frozen(groups)
    others = tuple(name for name in tasks if name != task)
    if not others:
        raise InputError(f"head_frozen:{task}: there is no other task that would train")
    return _heads_then(stage, freeze=FreezePlan.head(task), tasks=others)


def _thawing(groups: Sequence[str]) -> list[FreezePlan]:
    """Returns freeze plans: the heads alone, then one block more each, at last everything."""
    count = depth_of(groups)
    top = [FreezePlan.top(k) for k in range(1, count)]
    return [FreezePlan.backbone(), *top, FreezePlan.none()]
