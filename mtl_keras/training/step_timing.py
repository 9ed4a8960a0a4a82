"""Times a few steps and estimates an epoch's duration from them."""

import bisect
import itertools
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

READ_BATCHES = 2000  # of an epoch; what lies beyond is taken to be like them
KEPT_BATCHES = 10  # of each shape

Shape = tuple[int, int]  # batch, length


@dataclass(frozen=True)
class Epoch:
    """The batches of an epoch by shape: their number, and a few of each."""

    steps: int
    counts: Counter[Shape]
    batches: dict[Shape, list]
    spec: tuple
    reading_seconds: float

    @classmethod
    def of(cls, dataset: tf.data.Dataset, steps: int | None = None) -> "Epoch":
        """Reads an epoch, or the beginning of a long one; of an endless dataset `steps`."""
        steps = int(dataset.cardinality()) if steps is None else steps
        counts: Counter[Shape] = Counter()
        batches: dict[Shape, list] = defaultdict(list)
        started = time.perf_counter()
        for batch in dataset.take(min(steps, READ_BATCHES)):
            counts[shape_of(batch)] += 1
            if counts[shape_of(batch)] <= KEPT_BATCHES:
                batches[shape_of(batch)].append(batch)
        seconds = time.perf_counter() - started
        reading = seconds * steps / counts.total()
        return cls(steps, counts, dict(batches), dataset.element_spec, reading)

    def mean(self, cost: Callable[[Shape], float]) -> float:
        """Returns the mean cost of a batch."""
        return sum(n * cost(shape) for shape, n in self.counts.items()) / self.counts.total()

    def one_of_each(self) -> list:
        """Returns one batch of every shape."""
        return [batches[0] for batches in self.batches.values()]

    def spread(self, cost: Callable[[Shape], float], count: int) -> list:
        """Returns the middle batches of `count` equal parts of the epoch, ordered by cost."""
        ordered = sorted(self.counts, key=cost)
        limits = list(itertools.accumulate(self.counts[shape] for shape in ordered))
        turns = {shape: itertools.cycle(batches) for shape, batches in self.batches.items()}
        places = [(part + 0.5) / count * limits[-1] for part in range(count)]
        return [next(turns[ordered[bisect.bisect_right(limits, place)]]) for place in places]


@dataclass(frozen=True)
class Timing:
    """Seconds of an epoch's steps, of reading it, and of tracing, which happens once."""

    steps: int
    step_seconds: float
    reading_seconds: float
    tracing_seconds: float

    @classmethod
    def of(
        cls, function: Callable, epoch: Epoch, flops: Callable, count: int, *, compiled: bool
    ) -> "Timing":
        """Times a model's train or test function on `count` batches.

        Args:
            function: traced at its first batch; `compiled` by XLA at the first of each shape.
            epoch: batches to choose from.
            flops: operations of a shape.
            count: how many batches are timed.
            compiled: whether XLA compiles the function.
        """
        first = epoch.one_of_each() if compiled else epoch.one_of_each()[:1]
        timed = epoch.spread(flops, count)
        first_seconds = sum(seconds_of_steps(function, first, epoch.spec))
        seconds = seconds_of_steps(function, timed, epoch.spec)
        line = _line([flops(shape_of(batch)) for batch in timed], seconds)
        tracing = max(0.0, first_seconds - sum(line(flops(shape_of(batch))) for batch in first))
        return cls(
            steps=epoch.steps,
            step_seconds=epoch.mean(lambda shape: line(flops(shape))),
            reading_seconds=epoch.reading_seconds,
            tracing_seconds=tracing,
        )

    def seconds(self, epochs: int) -> float:
        """Returns the estimated seconds of this many epochs."""
        return self.tracing_seconds + epochs * (
            self.reading_seconds + self.steps * self.step_seconds
        )


def shape_of(batch: tuple) -> Shape:
    """Returns the shape of a batch's word pieces, `(batch, length)`."""
    return tuple(batch[0]["token_ids"].shape)


def seconds_of_steps(function: Callable, batches: Sequence, spec: tuple) -> list[float]:
    """Returns the seconds of a step on each batch."""
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)
    iterator = iter(dataset)
    seconds = []
    for _ in batches:
        started = time.perf_counter()
        float(function(iterator)["loss"])  # waits for an accelerator to finish
        seconds.append(time.perf_counter() - started)
    return seconds


def _line(flops: Sequence[float], seconds: Sequence[float]) -> Callable[[float], float]:
    """Fits a line of seconds over operations; through 0 if the fitted one would not rise."""
    slope, fixed = 0.0, -1.0
    if len(set(flops)) > 1:
        slope, fixed = statistics.linear_regression(flops, seconds)
    if slope < 0 or fixed < 0:
        slope, fixed = sum(seconds) / sum(flops), 0.0
    return lambda count: fixed + slope * count


class StepClock(keras.callbacks.Callback):
    """Mean seconds of a training step, without the first, which traces the step."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds: list[float] = []

    @property
    def mean(self) -> float | None:
        """Mean seconds of a step; None if there was no second step."""
        later = self._seconds[1:]
        return sum(later) / len(later) if later else None

    def on_train_batch_begin(self, batch: int, logs: Mapping | None = None) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        self._seconds.append(time.perf_counter() - self._started)
