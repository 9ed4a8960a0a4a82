"""What each stage will cost, before it trains: steps, operations, memory and seconds."""

import contextlib
import math
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from mtl_keras.experiments.step_costs import StepCosts
from mtl_keras.models.frozen_prefix import SENTENCE, groups_up_to
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.variables import save_weights
from mtl_keras.plans.stage import Stage
from mtl_keras.training.features.cache import FeatureCache
from mtl_keras.training.step_timing import Epoch, Shape, Timing
from mtl_keras.training.trainer import Training

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
        activation_memory_bytes: what the largest batch keeps for the way back (`StepCosts`).
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


def forecast(training: Training) -> list[StageForecast]:
    """Forecasts every stage of a training that has not begun, from a few timed steps of each.

    A stage's step is traced and run once on each shape of batch, then timed on ten real batches,
    at the middle of ten equal parts of an epoch ordered by operations. Its seconds, as a line over
    a batch's operations, go over all batches of the epoch. To them come, each measured once:
    tracing, reading the batches (as if nothing trained meanwhile), validation, the best weights
    written after every epoch, and, from a few passes, what frozen layers compute beforehand.
    Stages that freeze and read the same are timed once. It holds for a machine that stays as busy
    as it is now.

    A copy of the model is trained for it: the model, its optimizer and the random states stay as
    they are to the last bit, and memory for the copy is needed meanwhile.

    Args:
        training: recipe, files and model.

    Returns:
        A forecast a stage.

    Raises:
        WorkError: no room for the weights in the folder of temporary files.
    """
    with _random_state_kept():
        rehearsal = _rehearsal(training)
        probes: dict[tuple, _Probe] = {}
        kinds = [_kind(rehearsal, index) for index in range(len(training.stages))]
        for index, kind in enumerate(kinds):
            if kind not in probes:
                probes[kind] = _Probe.of(rehearsal, index)
        saving = _saving_seconds(rehearsal)
    return [
        probes[kind].scaled_to(stage, saving, begins=kind not in kinds[:index])
        for index, (kind, stage) in enumerate(zip(kinds, training.stages, strict=True))
    ]


def table(forecasts: Sequence[StageForecast]) -> list[dict[str, str]]:
    """Rows for `tabulate`, a stage each, with units."""
    return [
        {
            "stage": str(number),
            "freeze": each.freeze,
            "steps": f"{'≤ ' if each.at_most else ''}{each.steps:,}",
            "GFLOP a step": f"{each.flops_per_step / 1e9:,.3g}",
            "activations": f"{each.activation_memory_bytes / 1e6:,.0f} MB",
            "state": f"{each.state_bytes / 1e6:,.0f} MB",
            "a step": f"{each.step_seconds * 1e3:,.0f} ms",
            "time": f"{'≤ ' if each.at_most else ''}{_duration(each.seconds)}",
        }
        for number, each in enumerate(forecasts, 1)
    ]


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """Keras draws the seeds of new layers from Python's generator."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _rehearsal(training: Training) -> Training:
    """The same training of a copy of the model."""
    copy = MultiTaskModel.from_config(training.model.get_config())
    copy.set_weights(training.model.get_weights())
    rehearsal = Training(training.recipe, training.datasets, copy, training.selection.folder)
    rehearsal.features = _TimedPasses(copy, training.datasets)
    return rehearsal


class _TimedPasses(FeatureCache):
    """Features that are 0, but for those of a few passes, from which the time of all is told."""

    def prepare(self, *arguments):
        self._forecast = 0.0
        super().prepare(*arguments)
        self.seconds = self._forecast

    def _run(self, step, passes):
        passes = list(passes)
        some = passes[:: math.ceil(len(passes) / TIMED_PASSES)]
        first, *others = [self._seconds(step, rows) for rows in (some[-1], *some)]
        self._forecast = first + statistics.mean(others) * len(passes)

    @staticmethod
    def _seconds(step, rows) -> float:
        started = time.perf_counter()
        step(rows)
        return time.perf_counter() - started


def _kind(training: Training, index: int) -> tuple:
    """Stages equal in this cost the same a step."""
    stage, (levels, epochs) = training.stages[index], training.levels(index)
    level = levels[0] if levels and epochs > 1 else None
    groups, tasks = list(training.model.layer_groups), tuple(training.model.tasks)
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
    def of(cls, training: Training, index: int) -> "_Probe":
        """Begins a stage and runs a few of its steps."""
        stage = training.stages[index]
        costs = _costs(training.model, training.begin(index))
        backwards = _backwards(stage, tuple(training.model.tasks))

        def flops(shape: Shape) -> float:
            return costs.forward_flops(shape) + backwards * costs.backward_flops(shape)

        epoch = Epoch.of(training.stage_batches, training.steps)
        train_function = training.model.make_train_function()
        return cls(
            flops_per_step=epoch.mean(flops),
            activation_bytes=max(costs.activation_bytes(shape) for shape in epoch.counts),
            state_bytes=_state_bytes(training.model),
            timing=Timing.of(
                train_function, epoch, flops, TIMED_STEPS, compiled=training.compilation.jit_compile
            ),
            validation=_validation(training, costs),
            features_seconds=training.features.seconds,
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


def _validation(training: Training, costs: StepCosts) -> Timing:
    """Times validation, which begins where training does."""
    epoch, model = Epoch.of(training.validation_batches), training.model
    model.make_test_function()
    return Timing.of(
        model.test_function,
        epoch,
        costs.forward_flops,
        TIMED_VALIDATION_STEPS,
        compiled=False,
    )


def _saving_seconds(training: Training) -> float:
    """What it takes to write the best weights."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        save_weights(training.model, training.selection.groups, Path(folder, "weights"))
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
    slots = [v for each in model.optimizer.of_layer.values() for v in each.variables]
    return sum(_bytes(v) for v in (*model.weights, *model.trainable_variables, *slots))


def _bytes(variable: keras.Variable) -> int:
    return tf.TensorShape(variable.shape).num_elements() * tf.as_dtype(variable.dtype).size


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:,.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
