"""Which task trains next. A schedule is a value that merges the tasks' batches into one dataset.

Every batch of the merged dataset has the same structure, whichever task it is for:
`(x, labels by task, weights by task)`, with zero weights for the tasks it is not for.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mtl_keras.errors import InputError
from mtl_keras.passes import Pass

if TYPE_CHECKING:
    import tensorflow as tf

SCHEDULES = ("round_robin", "proportional", "temperature:<t>", "annealed", "joint")


class Schedule(Protocol):
    """How the tasks' batches follow each other."""

    def merge(
        self, datasets: Sequence[tf.data.Dataset], *, seed: int, passes: Iterator[Pass], epochs: int
    ) -> tf.data.Dataset:
        """One epoch of batches; the passes name the iterations of the dataset."""


class _Alternating:
    """One task a batch. An epoch has as many steps as the tasks have batches together."""

    def order(
        self, num_batches: Sequence[int], *, epoch: int, epochs: int, generator: np.random.Generator
    ) -> np.ndarray:
        """The task index of each step of an epoch: `(sum(num_batches),)`, by `shares`.

        Every task comes at least once.
        """
        shares = self.shares(np.asarray(num_batches, float), epoch=epoch, epochs=epochs)
        rest = sum(num_batches) - len(shares)
        drawn = generator.choice(len(shares), size=rest, p=shares / shares.sum())
        return generator.permutation(np.concatenate([np.arange(len(shares)), drawn]))

    def shares(self, sizes: np.ndarray, *, epoch: int, epochs: int) -> np.ndarray:
        """How often each task comes, up to a factor."""
        return sizes

    def merge(
        self, datasets: Sequence[tf.data.Dataset], *, seed: int, passes: Iterator[Pass], epochs: int
    ) -> tf.data.Dataset:
        """Interleaves the datasets in the schedule's order. Those too short start again."""
        import tensorflow as tf

        num_batches = [int(dataset.cardinality()) for dataset in datasets]

        def choices():
            epoch, number = next(passes)
            generator = np.random.default_rng((seed, epoch, number))
            yield from self.order(num_batches, epoch=epoch, epochs=epochs, generator=generator)

        choice = tf.data.Dataset.from_generator(
            choices, output_signature=tf.TensorSpec((), tf.int64)
        )
        merged = tf.data.Dataset.choose_from_datasets(
            [dataset.repeat() for dataset in datasets], choice
        )
        return merged.apply(tf.data.experimental.assert_cardinality(sum(num_batches)))


@dataclass(frozen=True)
class RoundRobin(_Alternating):
    """The tasks in turn. Small tasks start again; of large ones an epoch sees a part."""

    def __str__(self) -> str:
        return "round_robin"

    def order(self, num_batches, *, epoch, epochs, generator):
        return np.arange(sum(num_batches)) % len(num_batches)


@dataclass(frozen=True)
class Proportional(_Alternating):
    """Every batch of every task once an epoch, in random order."""

    def __str__(self) -> str:
        return "proportional"

    def order(self, num_batches, *, epoch, epochs, generator):
        return generator.permutation(np.repeat(np.arange(len(num_batches)), num_batches))


@dataclass(frozen=True)
class Temperature(_Alternating):
    """Tasks drawn with probability ∝ size^(1/t): 1 is proportional, large t uniform.

    Arivazhagan et al., 2019, "Massively multilingual neural machine translation in the wild".

    Args:
        temperature: t, at least 1.
    """

    temperature: float

    def __post_init__(self) -> None:
        if not 1 <= self.temperature < float("inf"):
            raise InputError(f"a temperature is at least 1. Received: {self.temperature}")

    def __str__(self) -> str:
        return f"temperature:{self.temperature:g}"

    def shares(self, sizes, *, epoch, epochs):
        return sizes ** (1 / self.temperature)


@dataclass(frozen=True)
class Annealed(_Alternating):
    """Tasks drawn ∝ size^α, α falling from 1 in the first epoch to 0.2 in the last.

    Stickland & Murray, 2019, "BERT and PALs": α = 1 - 0.8 (e - 1) / (E - 1).
    """

    def __str__(self) -> str:
        return "annealed"

    def shares(self, sizes, *, epoch, epochs):
        progress = min(epoch / (epochs - 1), 1.0) if epochs > 1 else 0.0
        return sizes ** (1 - 0.8 * progress)


@dataclass(frozen=True)
class Joint:
    """A batch of every task in each step. An epoch is a pass over the longest; others repeat."""

    def __str__(self) -> str:
        return "joint"

    def merge(
        self, datasets: Sequence[tf.data.Dataset], *, seed: int, passes: Iterator[Pass], epochs: int
    ) -> tf.data.Dataset:
        """Concatenates one batch of each dataset along the batch axis."""
        import tensorflow as tf

        steps = max(int(dataset.cardinality()) for dataset in datasets)
        zipped = tf.data.Dataset.zip(tuple(dataset.repeat() for dataset in datasets))
        return _mapped(zipped.take(steps), _joined)


def parse_schedule(text: str) -> Schedule:
    """The schedule of this name, `temperature` with its number.

    Raises:
        InputError: no such schedule; it names the nearest.

    Example:

    >>> parse_schedule("temperature:2")
    Temperature(temperature=2.0)
    """
    plain: dict[str, Schedule] = {
        "round_robin": RoundRobin(),
        "proportional": Proportional(),
        "annealed": Annealed(),
        "joint": Joint(),
    }
    if str(text) in plain:
        return plain[str(text)]
    if match := re.fullmatch(r"temperature:([0-9]+(?:\.[0-9]+)?)", str(text)):
        return Temperature(float(match[1]))
    nearest = difflib.get_close_matches(str(text), SCHEDULES, 1, 0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise InputError(f"a schedule is one of {', '.join(SCHEDULES)}. Received: {text!r}{hint}")


def interleave(
    datasets: Mapping[str, tf.data.Dataset],
    schedule: str | Schedule = "proportional",
    *,
    seed: int = 0,
    passes: Iterator[Pass] | None = None,
    epochs: int = 1,
    tasks: Sequence[str] = (),
) -> tf.data.Dataset:
    """Merges the tasks' batches into the one dataset that `MultiTaskModel.fit` takes.

    Args:
        datasets: task name → batches `(x, labels, weights)` of that task, of known cardinality.
        schedule: a schedule or its name.
        seed: of the order of tasks.
        passes: names the iterations (`Passes`), from which and the seed the order of tasks
            follows. When None each is the next epoch.
        epochs: of the whole training; `annealed` spreads over them.
        tasks: those whose batches come, all when empty. The others are idle throughout.

    Returns:
        Dataset of `(x, {task: labels}, {task: weights})`.
    """
    chosen = parse_schedule(schedule) if isinstance(schedule, str) else schedule
    specs = {name: dataset.element_spec for name, dataset in datasets.items()}
    spread = [_mapped(datasets[name], _spread(name, specs)) for name in tasks or datasets]
    named = zip(itertools.count(), itertools.repeat(0)) if passes is None else passes
    return chosen.merge(spread, seed=seed, passes=named, epochs=epochs).prefetch(2)


def with_replay(dataset: tf.data.Dataset, replay: tf.data.Dataset) -> tf.data.Dataset:
    """Each batch joined with one of other tasks, for protections that replay them.

    An epoch is a pass over `dataset`; `replay` starts again where it is too short.

    Args:
        dataset: the batches of the tasks that train, as `interleave` merges them.
        replay: those of the protected tasks, merged over the same tasks.

    Raises:
        InputError: the two are not over the same tasks, or there is nothing to replay.

    Returns:
        Dataset of `(x, {task: labels}, {task: weights})` with both batches' examples.
    """
    import tensorflow as tf

    tasks, replayed = (sorted(each.element_spec[1]) for each in (dataset, replay))
    if tasks != replayed:
        raise InputError(
            f"replay must be merged over the tasks {', '.join(tasks)}. "
            f"Received: {', '.join(replayed)}"
        )
    if int(replay.cardinality()) == 0:
        raise InputError("replay has no batch; give examples of the protected tasks")
    return _mapped(tf.data.Dataset.zip((dataset, replay.repeat())), _joined).prefetch(2)


def _mapped(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    """Maps without AutoGraph, which would take a second to rewrite what is a graph as it is."""
    import tensorflow as tf

    return dataset.map(tf.autograph.experimental.do_not_convert(function))


def _spread(name: str, specs: Mapping[str, tuple]):
    """One task's batch → a batch for all tasks, the others' labels and weights zero."""
    import tensorflow as tf

    def spread(x, labels, weights):
        shape = tf.shape(x["token_ids"])
        zero_labels = {other: _zeros(spec, shape) for other, (_, spec, _) in specs.items()}
        zero_weights = {other: _zeros(spec, shape) for other, (_, _, spec) in specs.items()}
        return x, zero_labels | {name: labels}, zero_weights | {name: weights}

    return spread


def _zeros(spec: tf.TensorSpec, shape: tf.Tensor) -> tf.Tensor:
    """Zeros for a spec `(batch,)`, `(batch, length)` or `(batch, a fixed number)`."""
    import tensorflow as tf

    if spec.shape.rank == 1:
        return tf.zeros(shape[:1], spec.dtype)
    width = shape[1] if spec.shape[1] is None else spec.shape[1]
    return tf.zeros((shape[0], width), spec.dtype)


def _joined(*batches: tuple) -> tuple:
    import tensorflow as tf

    return tf.nest.map_structure(_stack, *batches)


def _stack(*tensors: tf.Tensor) -> tf.Tensor:
    """Concatenates along the batch, the second axis padded with zeros to the longest."""
    import tensorflow as tf

    if tensors[0].shape.rank == 1:
        return tf.concat(tensors, axis=0)
    length = tf.reduce_max([tf.shape(tensor)[1] for tensor in tensors])
    rest = [(0, 0)] * (tensors[0].shape.rank - 2)
    padded = [tf.pad(t, ((0, 0), (0, length - tf.shape(t)[1]), *rest)) for t in tensors]
    return tf.concat(padded, axis=0)
