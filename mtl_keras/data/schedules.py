"""Schedules decide whose batch comes next, and merge the tasks' batches into one dataset."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mtl_keras.data.epoch_order import Pass
from mtl_keras.data.multi_task_batches import chosen_in_turn, joined, mapped
from mtl_keras.errors import InputError, nearest

if TYPE_CHECKING:
    import tensorflow as tf

SCHEDULES = ("round_robin", "proportional", "temperature:<t>", "annealed", "joint")


class Schedule(Protocol):
    """The order of the tasks' batches."""

    needs_counts: bool  # whether the order depends on how many batches the tasks have
    joins_tasks: bool  # whether each step joins a batch of every task

    def merge(
        self, datasets: Sequence[tf.data.Dataset], *, seed: int, passes: Iterator[Pass], epochs: int
    ) -> tf.data.Dataset:
        """One epoch of batches. The passes name the iterations of the dataset."""

    def merge_endless(
        self,
        datasets: Sequence[tf.data.Dataset],
        num_batches: Sequence[int],
        *,
        steps_per_epoch: int,
        seed: int,
        passes: Iterable[Pass],
        epochs: int,
    ) -> tf.data.Dataset:
        """Endless batches of endless datasets. The first pass names the iteration."""


class _Alternating:
    """One task per step. An epoch has as many steps as all tasks together have batches."""

    needs_counts = True
    joins_tasks = False

    def order(
        self,
        num_batches: Sequence[int],
        *,
        epoch: int,
        epochs: int,
        generator: np.random.Generator,
        steps: int | None = None,
    ) -> np.ndarray:
        """The task index of each step of an epoch, `(steps,)`, drawn by `shares`.

        Every task occurs at least once if there are enough steps. None means `sum(num_batches)`
        steps.
        """
        shares = self.shares(np.asarray(num_batches, float), epoch=epoch, epochs=epochs)
        steps = sum(num_batches) if steps is None else steps
        rest = max(0, steps - len(shares))
        drawn = generator.choice(len(shares), size=rest, p=shares / shares.sum())
        return generator.permutation(np.concatenate([np.arange(len(shares)), drawn]))[:steps]

    def orders(
        self, num_batches: Sequence[int], *, steps: int, seed: int, first: int, epochs: int
    ) -> Iterator[np.ndarray]:
        """The order of the first epoch, of the next, and so on."""
        for epoch in itertools.count(first):
            generator = np.random.default_rng((seed, epoch, 0))
            yield self.order(
                num_batches, epoch=epoch, epochs=epochs, generator=generator, steps=steps
            )

    def shares(self, sizes: np.ndarray, *, epoch: int, epochs: int) -> np.ndarray:
        """How often each task occurs, up to a common factor."""
        return sizes

    def merge(
        self, datasets: Sequence[tf.data.Dataset], *, seed: int, passes: Iterator[Pass], epochs: int
    ) -> tf.data.Dataset:
        """Interleaves the datasets in the schedule's order. Shorter ones start again."""
        import tensorflow as tf

        num_batches = [int(dataset.cardinality()) for dataset in datasets]

        def orders() -> Iterator[np.ndarray]:
            epoch, number = next(passes)
            generator = np.random.default_rng((seed, epoch, number))
            yield self.order(num_batches, epoch=epoch, epochs=epochs, generator=generator)

        merged = chosen_in_turn([dataset.repeat() for dataset in datasets], orders)
        return merged.apply(tf.data.experimental.assert_cardinality(sum(num_batches)))

    def merge_endless(
        self,
        datasets: Sequence[tf.data.Dataset],
        num_batches: Sequence[int],
        *,
        steps_per_epoch: int,
        seed: int,
        passes: Iterable[Pass],
        epochs: int,
    ) -> tf.data.Dataset:
        """Interleaves endless datasets in the schedule's order."""

        def orders() -> Iterator[np.ndarray]:
            first, _ = next(iter(passes))
            return self.orders(
                num_batches, steps=steps_per_epoch, seed=seed, first=first, epochs=epochs
            )

        return chosen_in_turn(datasets, orders)


@dataclass(frozen=True)
class RoundRobin(_Alternating):
    """The tasks in turn. Small tasks start again; an epoch sees only a part of large ones."""

    needs_counts = False

    def __str__(self) -> str:
        return "round_robin"

    def order(
        self,
        num_batches: Sequence[int],
        *,
        epoch: int,
        epochs: int,
        generator: np.random.Generator,
        steps: int | None = None,
    ) -> np.ndarray:
        return np.arange(sum(num_batches) if steps is None else steps) % len(num_batches)


@dataclass(frozen=True)
class Proportional(_Alternating):
    """Every batch of every task once per pass, in random order."""

    def __str__(self) -> str:
        return "proportional"

    def order(
        self,
        num_batches: Sequence[int],
        *,
        epoch: int,
        epochs: int,
        generator: np.random.Generator,
        steps: int | None = None,
    ) -> np.ndarray:
        return generator.permutation(np.repeat(np.arange(len(num_batches)), num_batches))

    def orders(
        self, num_batches: Sequence[int], *, steps: int, seed: int, first: int, epochs: int
    ) -> Iterator[np.ndarray]:
        """The order of the first pass over all batches, of the next, and so on."""
        for number in itertools.count():
            generator = np.random.default_rng((seed, first, number))
            yield self.order(num_batches, epoch=first, epochs=epochs, generator=generator)


@dataclass(frozen=True)
class Temperature(_Alternating):
    """Draws tasks with probability ∝ size^(1/t): t = 1 is proportional, large t is uniform.

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

    def shares(self, sizes: np.ndarray, *, epoch: int, epochs: int) -> np.ndarray:
        return sizes ** (1 / self.temperature)


@dataclass(frozen=True)
class Annealed(_Alternating):
    """Draws tasks with probability ∝ size^α; α falls from 1 in the first epoch to 0.2 in the last.

    Stickland & Murray, 2019, "BERT and PALs": α = 1 - 0.8 (e - 1) / (E - 1).
    """

    def __str__(self) -> str:
        return "annealed"

    def shares(self, sizes: np.ndarray, *, epoch: int, epochs: int) -> np.ndarray:
        progress = min(epoch / (epochs - 1), 1.0) if epochs > 1 else 0.0
        return sizes ** (1 - 0.8 * progress)


@dataclass(frozen=True)
class Joint:
    """A batch of every task in each step. An epoch is a pass over the longest; others repeat."""

    needs_counts = False
    joins_tasks = True

    def __str__(self) -> str:
        return "joint"

    def merge(
        self, datasets: Sequence[tf.data.Dataset], *, seed: int, passes: Iterator[Pass], epochs: int
    ) -> tf.data.Dataset:
        """Concatenates one batch of each dataset along the batch axis."""
        import tensorflow as tf

        steps = max(int(dataset.cardinality()) for dataset in datasets)
        zipped = tf.data.Dataset.zip(tuple(dataset.repeat() for dataset in datasets))
        return mapped(zipped.take(steps), joined)

    def merge_endless(
        self,
        datasets: Sequence[tf.data.Dataset],
        num_batches: Sequence[int],
        *,
        steps_per_epoch: int,
        seed: int,
        passes: Iterable[Pass],
        epochs: int,
    ) -> tf.data.Dataset:
        """Concatenates one batch of each endless dataset."""
        import tensorflow as tf

        return mapped(tf.data.Dataset.zip(tuple(datasets)), joined)


def parse_schedule(text: str) -> Schedule:
    """The schedule with this name; `temperature` includes its number.

    Raises:
        InputError: there is no such schedule; the message names the nearest.

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
    hint = nearest(str(text), SCHEDULES, cutoff=0.5)
    raise InputError(f"schedule must be one of {', '.join(SCHEDULES)}. Received: {text!r}{hint}")
