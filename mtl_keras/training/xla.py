"""Whether XLA compiles the step of a stage: measured, with the compile time counted."""

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import tensorflow as tf

from mtl_keras.errors import shown
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
        widths: that its batches are padded to then.
    """

    jit_compile: bool = False
    widths: Sequence[int] = ()


PLAIN = Compilation()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured of a stage's step.

    Args:
        steps: of the stage.
        step_seconds: of a plain one, on average.
        tracing_seconds: of it, once.
        compiled_step_seconds: of a compiled one, on average, its wider padding included.
        compilation_seconds: of all shapes.
        widths: that batches are padded to where XLA compiles.
    """

    steps: int
    step_seconds: float
    tracing_seconds: float
    compiled_step_seconds: float
    compilation_seconds: float
    widths: Sequence[int]

    @property
    def is_cheaper_compiled(self) -> bool:
        """Counted from now on: the plain step is traced already."""
        saved = self.steps * (self.step_seconds - self.compiled_step_seconds)
        return saved > self.tracing_seconds + self.compilation_seconds

    def __str__(self) -> str:
        return (
            f"a step takes {_ms(self.step_seconds)} plain, {_ms(self.compiled_step_seconds)} "
            f"compiled, and compilation of {len(self.widths)} widths "
            f"{self.compilation_seconds:,.0f} s, for {self.steps:,} steps"
        )


def choose(
    model,
    groups: Collection[str],
    batches: StageBatches,
    dataset: tf.data.Dataset,
    steps: int,
    report: Callable[[str], None] = lambda line: None,
) -> Compilation:
    """The cheaper of the plain and the compiled step, for a stage that is about to begin.

    Both are timed on a batch of middle size; seconds are taken to grow with a batch's positions.
    A stage of few steps, or so short that a compilation could hardly be earned back (judged by
    the tracing, which every step needs), is not measured: it runs plain.

    The model, its optimizer and its random state are as they were, to the last bit, afterwards.

    Args:
        model: a `MultiTaskModel`, compiled without XLA and protected as the stage has it.
        groups: its layer groups that ever train.
        batches: of the stage.
        dataset: an epoch of them, each as wide as its longest text.
        steps: of the stage.
        report: told in a line what was measured and chosen.
    """
    if steps < LEAST_STEPS:
        report(f"jit_compile auto: false, not measured for {steps:,} steps")
        return PLAIN
    with _state_kept(model, groups):
        return _chosen(model, batches, dataset, steps, report)


def _chosen(
    model,
    batches: StageBatches,
    dataset: tf.data.Dataset,
    steps: int,
    report: Callable[[str], None],
) -> Compilation:
    sample = sorted(dataset.take(SAMPLE), key=lambda batch: math.prod(shape_of(batch)))
    timed, shapes = sample[len(sample) // 2], [shape_of(batch) for batch in sample]

    def measure() -> tuple[float, float]:
        """Seconds of a position, and what the first step took beyond that."""
        times = [timed] * (1 + TIMED_STEPS)
        first, *others = seconds_of_steps(model.train_function, times, dataset.element_spec)
        return min(others) / math.prod(shape_of(timed)), max(0.0, first - min(others))

    plain_function = model.make_train_function()
    plain, tracing = measure()
    step_seconds = _mean_positions(shapes) * plain
    if steps * step_seconds < LEAST_TRACINGS * tracing:
        report(
            f"jit_compile auto: false, not measured: {steps:,} steps of {_ms(step_seconds)} could "
            "hardly earn a compilation back"
        )
        return PLAIN
    try:
        with _compiled(model):
            compiled, first = measure()
    except tf.errors.OpError as error:
        report(f"jit_compile auto: false: XLA cannot compile the step: {shown(error.message)}")
        return PLAIN
    finally:
        model.train_function = plain_function
    compilation = max(0.0, first - tracing)
    widths = batches.static_widths(compilation / compiled)
    measured = Measured(
        steps=steps,
        step_seconds=step_seconds,
        tracing_seconds=tracing,
        compiled_step_seconds=_mean_positions(shapes, widths) * compiled,
        compilation_seconds=batches.shapes(widths) * compilation,
        widths=widths,
    )
    report(f"jit_compile auto: {str(measured.is_cheaper_compiled).lower()}: {measured}")
    return Compilation(True, widths) if measured.is_cheaper_compiled else PLAIN


def _mean_positions(shapes: Sequence[Shape], widths: Sequence[int] = ()) -> float:
    """Of a batch, where each is padded to the next of the widths."""

    def width(length: int) -> int:
        return next((each for each in widths if each >= length), length)

    return sum(rows * width(length) for rows, length in shapes) / len(shapes)


@contextlib.contextmanager
def _compiled(model) -> Iterator[None]:
    """The model with a step that XLA compiles."""
    model.jit_compile = True
    model.make_train_function(force=True)
    try:
        yield
    finally:
        model.jit_compile = False


@contextlib.contextmanager
def _state_kept(model, groups: Collection[str]) -> Iterator[None]:
    """All that a step changes is put back at the end."""
    variables = trained_variables(model, groups) | metric_variables(model)
    before = values(variables)
    try:
        yield
    finally:
        put(variables, before)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"
