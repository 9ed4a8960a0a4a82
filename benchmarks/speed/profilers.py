"""Keras callbacks that measure where the time of a training goes."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

OPERATION = re.compile(r"[^:]:(?:_Mkl)?(\w+)$")
Span = tuple[int, int, str]  # from, to, in picoseconds, and a name


class Parts(keras.callbacks.Callback):
    """Seconds of a training's steps and validations."""

    def __init__(self):
        super().__init__()
        self._seconds: Counter[str] = Counter()
        self._is_first = True

    def on_train_begin(self, logs=None) -> None:
        self._is_first = True

    def on_train_batch_begin(self, batch: int, logs=None) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        name = "first step of a stage, traced" if self._is_first else "steps"
        self._seconds[name] += time.perf_counter() - self._started
        self._is_first = False

    def on_test_begin(self, logs=None) -> None:
        self._validated = time.perf_counter()

    def on_test_end(self, logs=None) -> None:
        self._seconds["validation"] += time.perf_counter() - self._validated

    def of(self, stages: Sequence[Mapping], total: float) -> dict[str, float]:
        """Part → seconds, of a training that took `total` and left these stages' records."""
        features = sum(stage["features_seconds"] for stage in stages)
        fits = sum(stage["seconds"] for stage in stages)
        proofs = sum(stage["proof_seconds"] for stage in stages) - features
        return {
            **self._seconds,
            "what frozen layers compute once": features,
            "best weights, iterators, callbacks": fits - self._seconds.total(),
            "stages' begin, and proof": proofs,
            "files, loading, the last evaluation": total - fits - features - proofs,
        }


class EnoughError(Exception):
    """The steps that were to be profiled are over."""


class Profile(keras.callbacks.Callback):
    """TensorFlow's profiler over some steps; then it raises `EnoughError`.

    Args:
        first: step that is profiled, counted from 0.
        steps: that are profiled.
    """

    def __init__(self, first: int, steps: int):
        super().__init__()
        self.milliseconds: dict[str, float] = {}  # operation → of a step
        self._first, self._steps, self._count = first, steps, 0
        self._folder = TemporaryDirectory()

    def on_train_batch_begin(self, batch: int, logs=None) -> None:
        if self._count == self._first:
            tf.profiler.experimental.start(self._folder.name)
            self._started = time.perf_counter()
        self._count += 1

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        if self._count < self._first + self._steps:
            return
        seconds = time.perf_counter() - self._started
        tf.profiler.experimental.stop()
        (path,) = Path(self._folder.name).rglob("*.xplane.pb")
        space = XSpace.FromString(path.read_bytes())
        self._folder.cleanup()
        picoseconds = Counter()
        for plane in space.planes:
            for line in plane.lines:
                picoseconds.update(own_time(_spans(plane, line)))
        self.milliseconds = {name: count / 1e9 / self._steps for name, count in picoseconds.items()}
        rest = 1000 * seconds / self._steps - sum(self.milliseconds.values())
        self.milliseconds["outside operations"] = rest
        raise EnoughError


def own_time(spans: Iterable[Span]) -> Counter[str]:
    """Name → time of its spans on a thread, less that of the spans within them.

    Example:

    >>> own_time([(0, 10, "step"), (1, 4, "MatMul"), (5, 9, "MatMul"), (10, 12, "Mul")])
    Counter({'MatMul': 7, 'step': 3, 'Mul': 2})
    """
    own: Counter[str] = Counter()
    open_spans: list[Span] = []
    for start, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
        while open_spans and open_spans[-1][1] <= start:
            open_spans.pop()
        own[name] += end - start
        if open_spans:
            own[open_spans[-1][2]] -= end - start
        open_spans.append((start, end, name))
    return own


def _spans(plane, line) -> Iterable[Span]:
    """Of operations, whose events are called `name:type`."""
    for event in line.events:
        result = OPERATION.search(plane.event_metadata[event.metadata_id].name)
        if result:
            yield event.offset_ps, event.offset_ps + event.duration_ps, result[1]
