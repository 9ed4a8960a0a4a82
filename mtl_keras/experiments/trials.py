"""Short trainings of one model from the same start, by which a search judges settings."""

import math
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from mtl_keras.data.label_kinds import higher_is_better
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution import replicas
from mtl_keras.errors import DivergedError
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.training.features.levels import Levels
from mtl_keras.training.materials import Materials
from mtl_keras.training.train_recipe import make_reproducible
from mtl_keras.training.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The result of a short training.

    Args:
        score: mean of the judged tasks' metrics on the validation split after the last epoch; an
            error counts as its negative. None if no metric is defined or training diverged.
        seconds: duration of the training.
        best: the best of these means over all epochs; None in the same cases.
    """

    score: float | None
    seconds: float
    best: float | None = None


class Trials:
    """Trains a model repeatedly from the same weights, order of examples and seeds.

    Cached features of frozen layers are reused from one trial to the next if they are the same.

    Args:
        recipe: its data settings and seed are used; each trial has its own plan.
        datasets: task name → its dataset.
        model: the model in the state in which every trial begins; a trial leaves it trained.
        judged: the tasks whose metrics make up the score.
    """

    def __init__(
        self,
        recipe: Recipe,
        datasets: Mapping[str, TaskDataset],
        model: MultiTaskModel,
        judged: Collection[str],
    ):
        self._materials = _Repeated.of(recipe, datasets, model)
        self._judged = tuple(judged)
        self._start = [(v, replicas.value_of(v)) for v in model.variables]

    def run(self, plan: TrainingPlan, epochs: float) -> Trial:
        """Trains a plan for this many epochs, divided among its stages in their proportions."""
        started, model = time.perf_counter(), self._materials.model
        self.begin_again()
        stages = shortened(plan.stages_of_used(list(model.layer_groups)), epochs, self._steps)
        recipe = replace(self._materials.recipe, plan=TrainingPlan.of(stages), restore=None)
        materials = replace(self._materials, recipe=recipe)
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(materials, folder, judged=self._judged)
            try:
                finished = trainer.run_stages(report=_silent, verbose=0)
            except DivergedError:
                return Trial(score=None, seconds=time.perf_counter() - started)
        scores = [score for stage in finished for score in self._scores(stage["history"])]
        best = max((score for score in scores if score is not None), default=None)
        return Trial(score=scores[-1], seconds=time.perf_counter() - started, best=best)

    def begin_again(self) -> None:
        """Restores the state in which every trial begins."""
        model = self._materials.model
        model.optimizer, model.compiled = None, False
        for variable, value in self._start:
            replicas.put(variable, value)
        make_reproducible(self._materials.recipe)

    def _steps(self, stage: Stage) -> int:
        """Returns the training steps of one epoch of a stage."""
        if stage.steps_per_epoch:
            return stage.steps_per_epoch
        datasets, batch_size = self._materials.datasets, self._materials.recipe.batch_size
        counts = (datasets[name].counts["train"] for name in stage.trained_tasks(tuple(datasets)))
        return sum(math.ceil(count / batch_size) for count in counts) if batch_size else 0

    def _scores(self, history: Mapping[str, Sequence]) -> list[float | None]:
        """Returns the score after each epoch of a stage."""
        tasks = [self._materials.model.tasks[name] for name in self._judged]
        by_task = [
            [(1 if higher_is_better(task.metric) else -1) * _number(value) for value in values]
            for task in tasks
            if (values := history[f"val_{task.name}_{task.metric}"])
        ]
        return [_mean_of_defined(epoch) for epoch in zip(*by_task, strict=True)]


class _Repeated(Materials):
    """Materials of several trainings on the same texts, for which caching features always pays."""

    def levels(self, index: int) -> Levels:
        levels = super().levels(index)
        return replace(levels, epochs=max(levels.epochs, 2))


def shortened(stages: Sequence[Stage], epochs: float, steps: Callable[[Stage], int]) -> list[Stage]:
    """Returns the stages shortened to `epochs` in total, in their proportions.

    Stages that solve heads stay the same. A share that is not whole becomes a number of steps.

    Args:
        stages: the stages of a training plan.
        epochs: total epochs of the stages that do not solve heads.
        steps: stage → steps of one of its epochs; 0 if unknown, then shares are rounded.

    Example:

    >>> stages = [Stage(solve=True), Stage(freeze="top:1"), Stage(freeze="none", epochs=3)]
    >>> [(stage.epochs, stage.steps_per_epoch) for stage in shortened(stages, 2, lambda stage: 10)]
    [(1, None), (1, 5), (1, 15)]
    """
    total = sum(stage.epochs for stage in stages if not stage.solve)
    plain = (replace(stage, patience=None, freeze_when_done=False) for stage in stages)
    return [
        stage if stage.solve else _lasting(stage, epochs * stage.epochs / total, steps(stage))
        for stage in plain
    ]


def _lasting(stage: Stage, epochs: float, steps: int) -> Stage:
    if epochs == int(epochs) or not steps:
        return replace(stage, epochs=max(1, round(epochs)))
    return replace(stage, epochs=1, steps_per_epoch=max(1, round(epochs * steps)))


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _mean_of_defined(scores: Sequence[float]) -> float | None:
    defined = [score for score in scores if math.isfinite(score)]
    return mean(defined) if defined else None


def _silent(line: str) -> None:
    """Discards progress."""
