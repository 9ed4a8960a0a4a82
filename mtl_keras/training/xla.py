"""Decides by measurement whether XLA compiles a stage's step, compile time included."""

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import tensorflow as tf

from mtl_keras.errors import shown
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.variables import metric_variables, put, trained_variables, values
from mtl_keras.training.stage_batches import StageBatches
from mtl_keras.training.step_timing import Shape, seconds_of_steps, shape_of

AUTO = "auto"
TIMED_STEPS = 5  # of each kind; the fastest counts
LEAST_STEPS = 20 * TIMED_STEPS  # of a stage that is measured
LEAST_TRACINGS = 40  # what a stage takes, in tracings of its step, to be worth a compilation
SAMPLE = 16  # batches that stand for an epoch's


@dataclass(frozen=True)
class Compilation:
    """How the steps of a stage run.

    Args:
        jit_compile: whether XLA compiles them.
        widths: widths to which batches are padded if it does.
    """

    jit_compile: bool = False
    widths: Sequence[int] = ()


PLAIN = Compilation()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measured duration of a stage's steps, plain and compiled.

    Args:
        steps: number of steps of the stage.
        step_seconds: mean seconds of a plain step.
        tracing_seconds: seconds to trace it, once.
        compiled_step_seconds: mean seconds of a compiled step, its wider padding included.
        compilation_seconds: seconds to compile all shapes.
        widths: widths to which batches are padded if XLA compiles.
    """

    steps: int
    step_seconds: float
    tracing_seconds: float
    compiled_step_seconds: float
    compilation_seconds: float
    widths: Sequence[int]

    @property
    def is_cheaper_compiled(self) -> bool:
        """Whether compiling saves time from now on; the plain step is traced already."""
        saved = self.steps * (self.step_seconds - self.compiled_step_seconds)
        return saved > self.tracing_seconds + self.compilation_seconds

    def __str__(self) -> str:
        return (
            f"a step takes {_ms(self.step_seconds)} plain, {_ms(self.compiled_step_seconds)} "
            f"compiled, and compilation of {len(self.widths)} widths "
            f"{self.compilation_seconds:,.0f} s, for {self.steps:,} steps"
        )


def choose(
    model: MultiTaskModel,
    groups: Collection[str],
    batches: StageBatches,
    dataset: tf.data.Dataset,
    steps: int,
    report: Callable[[str], None] = lambda line: None,
) -> Compilation:
    """Returns the faster of the plain and the compiled step, for a stage about to begin.

    Both are timed on a batch of middle size; seconds are taken to grow with a batch's positions.
    A stage of few steps, or so short that a compilation could hardly be earned back (judged by
    the tracing, which every step needs), is not measured: it runs plain.

    Afterwards the model, its optimizer and its random state are bit for bit the same as before.

    Args:
        model: the model, compiled without XLA and protected for the stage.
        groups: its layer groups that train in any stage.
        batches: the stage's batches.
        dataset: an epoch of them, each as wide as its longest text.
        steps: number of steps of the stage.
        report: receives a line on what was measured and chosen.
    """
    if steps < LEAST_STEPS:
        report(f"jit_compile auto: false, not measured for {steps:,} steps")
        return PLAIN
    with _state_kept(model, groups):
        return _timed(model, batches, _Sample.of(dataset), steps, report)


def _timed(
    model: MultiTaskModel,
    batches: StageBatches,
    sample: "_Sample",
    steps: int,
    report: Callable[[str], None],
) -> Compilation:
    """Times a plain step and, if it may pay, a compiled one; returns the cheaper."""
    plain_function = model.make_train_function()
    plain = sample.time(plain_function)
    step_seconds = sample.mean_positions() * plain.position_seconds
    if steps * step_seconds < LEAST_TRACINGS * plain.extra_seconds:
        report(
            f"jit_compile auto: false, not measured: {steps:,} steps of {_ms(step_seconds)} could "
            "hardly earn a compilation back"
        )
        return PLAIN
    try:
        with _compiled(model):
            compiled = sample.time(model.train_function)
    except tf.errors.OpError as error:
        report(f"jit_compile auto: false: XLA cannot compile the step: {shown(error.message)}")
        return PLAIN
    finally:
        model.train_function = plain_function
    measured = _measured(plain, compiled, sample, batches, steps)
    report(f"jit_compile auto: {str(measured.is_cheaper_compiled).lower()}: {measured}")
    return Compilation(True, measured.widths) if measured.is_cheaper_compiled else PLAIN


@dataclass(frozen=True)
class _StepTime:
    """Seconds of a step per position of a batch, and the first step's extra seconds."""

    position_seconds: float
    extra_seconds: float


@dataclass(frozen=True, eq=False)
class _Sample:
    """A sample of an epoch's batches: their shapes, and the batch of median size."""

    shapes: Sequence[Shape]
    middle: tuple
    spec: tuple

    @classmethod
    def of(cls, dataset: tf.data.Dataset) -> "_Sample":
        batches = sorted(dataset.take(SAMPLE), key=lambda batch: math.prod(shape_of(batch)))
        shapes = [shape_of(batch) for batch in batches]
        return cls(shapes, batches[len(batches) // 2], dataset.element_spec)

    def time(self, function: Callable) -> _StepTime:
        """Times a train function on the batch of median size."""
        steps = [self.middle] * (1 + TIMED_STEPS)
        first, *others = seconds_of_steps(function, steps, self.spec)
        positions = math.prod(shape_of(self.middle))
        return _StepTime(min(others) / positions, max(0.0, first - min(others)))

    def mean_positions(self, widths: Sequence[int] = ()) -> float:
        """Returns the mean positions of a batch if each is padded to the next width."""

        def padded(length: int) -> int:
            return next((width for width in widths if width >= length), length)

        return sum(rows * padded(length) for rows, length in self.shapes) / len(self.shapes)


def _measured(
    plain: _StepTime, compiled: _StepTime, sample: _Sample, batches: StageBatches, steps: int
) -> Measured:
    compilation = max(0.0, compiled.extra_seconds - plain.extra_seconds)  # of one shape
    widths = batches.static_widths(compilation / compiled.position_seconds)
    return Measured(
        steps=steps,
        step_seconds=sample.mean_positions() * plain.position_seconds,
        tracing_seconds=plain.extra_seconds,
        compiled_step_seconds=sample.mean_positions(widths) * compiled.position_seconds,
        compilation_seconds=batches.shapes(widths) * compilation,
        widths=widths,
    )


@contextlib.contextmanager
def _compiled(model: MultiTaskModel) -> Iterator[None]:
    """Inside this context, XLA compiles the model's step."""
    model.jit_compile = True
    model.make_train_function(force=True)
    try:
        yield
    finally:
        model.jit_compile = False


@contextlib.contextmanager
def _state_kept(model: MultiTaskModel, groups: Collection[str]) -> Iterator[None]:
    """Restores all that a step changes at the end of this context."""
    variables = trained_variables(model, groups) | metric_variables(model)
    before = values(variables)
    try:
        yield
    finally:
        put(variables, before)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"
