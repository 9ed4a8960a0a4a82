"""Forecasts the cost of each stage before it trains: steps, operations, memory and seconds."""

import contextlib
import math
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.experiments.step_costs import StepCosts
from mtl_keras.models.frozen_prefix import SENTENCE, groups_up_to
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.variables import save_weights
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.training.features.cache import Pass
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_setup import StageSetup, set_up
from mtl_keras.training.step_timing import Epoch, Shape, Timing

TIMED_STEPS, TIMED_VALIDATION_STEPS, TIMED_PASSES = 10, 5, 5


@dataclass(frozen=True, kw_only=True)
class StageForecast:
    """The forecast cost of a stage.

    Args:
        freeze: the stage's freeze plan.
        epochs: passes over the data.
        at_most: whether the stage has `patience` and so may end before these epochs.
        steps: training steps in all epochs.
        flops_per_step: mean floating-point operations of a step, forward and backward
            (`StepCosts`; without the teacher of a distillation).
        activation_memory_bytes: bytes that the largest batch keeps for the backward pass
            (`StepCosts`).
        state_bytes: bytes of the weights, the gradients of trainable weights, and the optimizer's
            slots (without the teacher of a distillation).
        step_seconds: mean seconds of a training step.
        seconds: of the stage on this machine: the features of frozen layers, computed beforehand,
            and `fit` with validation.
    """

    freeze: str
    epochs: int
    at_most: bool
    steps: int
    flops_per_step: float
    activation_memory_bytes: int
    state_bytes: int
    step_seconds: float
    seconds: float


def forecast(
    recipe: Recipe, datasets: Mapping[str, TaskDataset], model: MultiTaskModel
) -> list[StageForecast]:
    """Forecasts every stage of a training that has not begun, from a few timed steps of each.

    A stage's step is traced and run once on each shape of batch, then timed on ten real batches:
    the middles of ten equal parts of an epoch whose batches are ordered by operations. A line
    fitted to seconds over operations gives the seconds of every batch of the epoch. Added to them
    are, each measured once: tracing, reading the batches (as if nothing trained at the same time),
    validation, writing the best weights after every epoch, and, estimated from a few passes,
    computing the features of frozen layers.
    Stages that freeze and read the same are timed once. The forecast holds if the machine stays as
    busy as it is now.

    The timed steps train a copy of the model: the model, its optimizer and the random states stay
    bit for bit the same. The copy needs memory until this returns.

    Args:
        recipe: recipe of the training.
        datasets: task name → its dataset.
        model: the model that would be trained.

    Returns:
        A forecast for each stage.

    Raises:
        WorkError: the weights do not fit into the folder of temporary files.
    """
    with _random_state_kept():
        passes = TimedPasses()
        materials = Materials.of(recipe, datasets, _copy(model), passes)
        probes: dict[tuple, _Probe] = {}
        kinds = [_kind(materials, index) for index in range(len(materials.stages))]
        for index, kind in enumerate(kinds):
            if kind not in probes:
                probes[kind] = _Probe.of(materials, index, passes)
        saving = _saving_seconds(materials)
    return [
        probes[kind].scaled_to(stage, saving, begins=kind not in kinds[:index])
        for index, (kind, stage) in enumerate(zip(kinds, materials.stages, strict=True))
    ]


def table(forecasts: Sequence[StageForecast]) -> list[dict[str, str]]:
    """Returns a row for `tabulate` for each stage, with units."""
    return [
        {
            "stage": str(number),
            "freeze": row.freeze,
            "steps": f"{'≤ ' if row.at_most else ''}{row.steps:,}",
            "GFLOP/step": f"{row.flops_per_step / 1e9:,.3g}",
            "activations": f"{row.activation_memory_bytes / 1e6:,.0f} MB",
            "state": f"{row.state_bytes / 1e6:,.0f} MB",
            "step": f"{row.step_seconds * 1e3:,.0f} ms",
            "time": f"{'≤ ' if row.at_most else ''}{_duration(row.seconds)}",
        }
        for number, row in enumerate(forecasts, 1)
    ]


class TimedPasses:
    """Runs a few passes of a `FeatureCache` over the texts and estimates the time of all.

    Texts of the other passes keep features of 0.

    Attributes:
        seconds: estimated seconds of all passes so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, encode: Pass, passes: Sequence[np.ndarray]) -> None:
        sample = passes[:: math.ceil(len(passes) / TIMED_PASSES)]
        first, *others = [_seconds(encode, numbers) for numbers in (sample[-1], *sample)]
        self.seconds += first + statistics.mean(others) * len(passes)


def _seconds(encode: Pass, numbers: np.ndarray) -> float:
    started = time.perf_counter()
    encode(numbers)
    return time.perf_counter() - started


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """Restores the state of Python's generator, from which Keras draws the seeds of new layers."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _copy(model: MultiTaskModel) -> MultiTaskModel:
    copy = MultiTaskModel.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def _kind(materials: Materials, index: int) -> tuple:
    """Returns a key; stages with equal keys cost the same per step."""
    stage, level = materials.stages[index], materials.levels(index).first
    groups, tasks = list(materials.model.layer_groups), tuple(materials.model.tasks)
    return (
        *(stage.frozen(groups), stage.trained_tasks(tasks), stage.protect, level),
        *(stage.combine, stage.weighting, stage.steps_per_epoch),
    )


@dataclass(frozen=True)
class _Probe:
    """The measured costs of stages of one kind."""

    flops_per_step: float
    activation_bytes: int
    state_bytes: int
    timing: Timing
    validation: Timing
    features_seconds: float

    @classmethod
    def of(cls, materials: Materials, index: int, passes: TimedPasses) -> "_Probe":
        """Sets a stage up and runs a few of its steps."""
        features_before, model = passes.seconds, materials.model
        setup = set_up(materials, index)
        costs = _costs(model, setup.frozen)
        backwards = _backwards(setup.stage, tuple(model.tasks))

        def flops(shape: Shape) -> float:
            return costs.forward_flops(shape) + backwards * costs.backward_flops(shape)

        epoch = Epoch.of(setup.training_batches, setup.steps)
        train_function, compiled = model.make_train_function(), setup.compilation.jit_compile
        return cls(
            flops_per_step=epoch.mean(flops),
            activation_bytes=max(costs.activation_bytes(shape) for shape in epoch.counts),
            state_bytes=_state_bytes(model),
            timing=Timing.of(train_function, epoch, flops, TIMED_STEPS, compiled=compiled),
            validation=_validation(setup, costs),
            features_seconds=passes.seconds - features_before,
        )

    def scaled_to(self, stage: Stage, saving: float, *, begins: bool) -> StageForecast:
        """Returns the forecast of a stage of this kind.

        Args:
            stage: a stage of this kind.
            saving: seconds to write the best weights, once per epoch.
            begins: whether it is the first of its kind; later ones reuse its features.
        """
        seconds = self.timing.seconds(stage.epochs) + self.validation.seconds(stage.epochs)
        seconds += begins * self.features_seconds
        return StageForecast(
            freeze=str(stage.freeze),
            epochs=stage.epochs,
            at_most=stage.patience is not None,
            steps=stage.epochs * self.timing.steps,
            flops_per_step=self.flops_per_step,
            activation_memory_bytes=self.activation_bytes,
            state_bytes=self.state_bytes,
            step_seconds=self.timing.step_seconds,
            seconds=seconds + stage.epochs * saving,
        )


def _validation(setup: StageSetup, costs: StepCosts) -> Timing:
    """Times validation."""
    epoch, model = Epoch.of(setup.validation_batches), setup.materials.model
    model.make_test_function()
    return Timing.of(
        model.test_function,
        epoch,
        costs.forward_flops,
        TIMED_VALIDATION_STEPS,
        compiled=False,
    )


def _saving_seconds(materials: Materials) -> float:
    """Returns the seconds that writing the best weights takes."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        save_weights(materials.model, materials.trained_groups, Path(folder, "weights"))
        return time.perf_counter() - started


def _costs(model: MultiTaskModel, frozen: Sequence[str]) -> StepCosts:
    policy = model.encoder.transformer.get_layer("embeddings").dtype_policy
    return StepCosts(
        config=model.branches.deepest.config,
        tasks=tuple(model.tasks.values()),
        frozen=frozen,
        groups=list(model.layer_groups),
        cached=(
            *groups_up_to(model, model.level),
            *([SENTENCE] if model.level == SENTENCE else []),
        ),
        float_bytes=tf.as_dtype(policy.compute_dtype).size,
    )


def _backwards(stage: Stage, tasks: Sequence[str]) -> int:
    """Returns backward passes per step: one for each task whose gradient is combined; 2 with
    replay, which projects onto a second gradient.
    """
    if stage.combine.combines:
        return len(stage.trained_tasks(tasks))
    return 2 if stage.protect and stage.protect.replays and stage.idle_tasks(tasks) else 1


def _state_bytes(model: MultiTaskModel) -> int:
    slots = [v for optimizer in model.optimizer.of_layer.values() for v in optimizer.variables]
    return sum(_bytes(v) for v in (*model.weights, *model.trainable_variables, *slots))


def _bytes(variable: keras.Variable) -> int:
    return tf.TensorShape(variable.shape).num_elements() * tf.as_dtype(variable.dtype).size


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:,.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
