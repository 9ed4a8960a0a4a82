"""What each stage will cost, before it trains: steps, operations, memory and seconds."""

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
    """What a stage will cost.

    Args:
        freeze: its freeze plan.
        epochs: passes over the data.
        at_most: whether the stage has `patience`, and may so end before these epochs.
        steps: of training, in all epochs.
        flops_per_step: floating-point operations of a step, forward and backward, on average
            (`StepCosts`; without the teacher of a distillation).
        activation_memory_bytes: what the largest batch keeps for the backward pass (`StepCosts`).
        state_bytes: weights, the gradients of those that train, and the optimizer's slots
            (without the teacher of a distillation).
        step_seconds: of a training step, on average.
        seconds: of the stage on this machine: what frozen layers compute beforehand, and `fit`,
            validation included.
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

    A stage's step is traced and run once on each shape of batch, then timed on ten real batches,
    at the middle of ten equal parts of an epoch ordered by operations. Its seconds, as a line over
    a batch's operations, go over all batches of the epoch. To them come, each measured once:
    tracing, reading the batches (as if nothing trained at the same time), validation, the best
    weights written after every epoch, and, from a few passes, what frozen layers compute
    beforehand.
    Stages that freeze and read the same are timed once. It holds for a machine that stays as busy
    as it is now.

    A copy of the model is trained for it: the model, its optimizer and the random states stay as
    they are to the last bit, and the copy needs memory until this returns.

    Args:
        recipe: the training's.
        datasets: task name → its files.
        model: that would be trained.

    Returns:
        A forecast a stage.

    Raises:
        WorkError: no room for the weights in the folder of temporary files.
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
    """Rows for `tabulate`, a stage each, with units."""
    return [
        {
            "stage": str(number),
            "freeze": row.freeze,
            "steps": f"{'≤ ' if row.at_most else ''}{row.steps:,}",
            "GFLOP a step": f"{row.flops_per_step / 1e9:,.3g}",
            "activations": f"{row.activation_memory_bytes / 1e6:,.0f} MB",
            "state": f"{row.state_bytes / 1e6:,.0f} MB",
            "a step": f"{row.step_seconds * 1e3:,.0f} ms",
            "time": f"{'≤ ' if row.at_most else ''}{_duration(row.seconds)}",
        }
        for number, row in enumerate(forecasts, 1)
    ]


class TimedPasses:
    """Runs a few of the passes over the texts (`FeatureCache`), and forecasts all from them.

    Features of the texts in the others are left 0.

    Attributes:
        seconds: that all passes so far would have taken.
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
    """Keras draws the seeds of new layers from Python's generator."""
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
    """Stages equal in this cost the same a step."""
    stage, level = materials.stages[index], materials.levels(index).first
    groups, tasks = list(materials.model.layer_groups), tuple(materials.model.tasks)
    return (
        *(stage.frozen(groups), stage.trained_tasks(tasks), stage.protect, level),
        stage.steps_per_epoch,
    )


@dataclass(frozen=True)
class _Probe:
    """The costs of stages of one kind."""

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
        """The forecast of a stage of this kind.

        Args:
            stage: one of this kind.
            saving: seconds that the best weights take an epoch.
            begins: whether it is the first of its kind; later ones find its features.
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
    """Times validation, which begins when training does."""
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
    """The seconds that writing the best weights takes."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        save_weights(materials.model, materials.trained_groups, Path(folder, "weights"))
        return time.perf_counter() - started


def _costs(model: MultiTaskModel, frozen: Sequence[str]) -> StepCosts:
    policy = model.encoder.transformer.get_layer("embeddings").dtype_policy
    return StepCosts(
        config=model.encoder.config,
        tasks=tuple(model.tasks.values()),
        frozen=frozen,
        cached=(
            *groups_up_to(model, model.level),
            *([SENTENCE] if model.level == SENTENCE else []),
        ),
        float_bytes=tf.as_dtype(policy.compute_dtype).size,
    )


def _backwards(stage: Stage, tasks: Sequence[str]) -> int:
    """How often a step goes backward: what replays has a second gradient to project on."""
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
