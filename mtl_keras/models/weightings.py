"""Weighers: they give a training step the weights of the tasks' losses, and learn from the losses.

The formulas and papers are in `plans.weighting`. A weigher's state is a few variables, which
checkpoints hold. No gradient flows through the weights.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.models.combinations import seeds
from mtl_keras.plans.weighting import (
    DWA,
    FAMO,
    GLS,
    RLW,
    STCH,
    Equal,
    Uncertainty,
    Weighting,
)

Tensors = Mapping[str, tf.Tensor]
ReadStep = Callable[[], tf.Tensor]
TINY = 1e-8  # added to losses before a logarithm, as in FAMO's program
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's


class Weigher:
    """Weights all losses by 1. Others override what they change.

    Args:
        by: the weighting.
        tasks: the tasks that train.
        seed: of random weights.
    """

    looks_again: ClassVar[bool] = False  # whether it learns from the losses after the step
    zeros: ClassVar[tuple[str, ...]] = ()  # state with a number for each task, 0 at first

    def __init__(self, by: Weighting, tasks: Sequence[str], seed: int = 0):
        self.by, self.tasks, self.seed = by, tuple(tasks), seed
        self.state = {
            name: keras.Variable(np.zeros(len(self.tasks), np.float32), trainable=False, name=name)
            for name in self.zeros
        }

    def weighted(self, losses: Tensors, sums: Tensors, step: ReadStep) -> dict[str, tf.Tensor]:
        """Returns task → its loss times its weight; in a replica, its share.

        Args:
            losses: task → its loss in this replica.
            sums: task → the sum of its examples' weights in all replicas.
            step: reads the number of the step.
        """
        values = tf.stop_gradient(tf.stack(replicas.total([losses[n] for n in self.tasks])))
        present = tf.stack([sums[name] for name in self.tasks]) > 0
        weights = tf.unstack(self._weights(values, present, step), len(self.tasks))
        by_task = dict(zip(self.tasks, weights, strict=True))
        return {
            name: by_task[name] * loss if name in by_task else loss for name, loss in losses.items()
        }

    def look_again(self, before: Tensors, after: Tensors) -> None:
        """Learns from the losses before and after the step; only if `looks_again`."""

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        """Returns the weights `(K,)` for losses `(K,)` of tasks that are present, or not."""
        return tf.ones_like(losses)

    def _read(self, name: str) -> tf.Tensor:
        return tf.convert_to_tensor(self.state[name].value)

    def _adam(self, name: str, gradient: tf.Tensor, moves: tf.Tensor, rate: float) -> None:
        """Moves a state by Adam (Kingma & Ba, 2015) where `moves`; its moments are state too."""
        count = self._read("count") + 1.0
        first = BETA1 * self._read("first") + (1 - BETA1) * gradient
        second = BETA2 * self._read("second") + (1 - BETA2) * gradient**2
        scale = tf.sqrt(second / (1 - BETA2**count)) + EPSILON
        moved = self._read(name) - rate * first / (1 - BETA1**count) / scale
        values = {name: moved, "first": first, "second": second, "count": count}
        for key, value in values.items():
            replicas.assign(self.state[key], tf.where(moves, value, self._read(key)))


class EqualWeigher(Weigher):
    """Leaves the losses as they are."""

    def weighted(self, losses: Tensors, sums: Tensors, step: ReadStep) -> dict[str, tf.Tensor]:
        return dict(losses)


class UncertaintyWeigher(Weigher):
    """Learns the logarithm of each task's variance."""

    by: Uncertainty
    zeros = ("log_variance", "first", "second", "count")

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        weights = tf.exp(-self._read("log_variance")) / 2
        self._adam("log_variance", 0.5 - weights * losses, present, self.by.learning_rate)
        return weights


class PeriodWeigher(Weigher):
    """Compares the mean losses of the last two periods."""

    by: DWA
    zeros = ("sum", "count", "newer", "older", "steps")

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        state = {name: self._read(name) for name in self.zeros}
        rates = tf.math.divide_no_nan(state["newer"], state["older"])
        shares = len(self.tasks) * tf.nn.softmax(rates / self.by.temperature)
        weights = tf.where(tf.reduce_all(state["older"] > 0), shares, tf.ones_like(shares))
        self._add(state, tf.where(present, losses, 0.0), tf.cast(present, tf.float32))
        return weights

    def _add(self, state: Tensors, losses: tf.Tensor, counts: tf.Tensor) -> None:
        sums, count, steps = state["sum"] + losses, state["count"] + counts, state["steps"] + 1
        ends = steps >= self.by.period  # (K,), all alike
        mean = tf.where(count > 0, tf.math.divide_no_nan(sums, count), state["newer"])
        values = {
            "older": tf.where(ends, state["newer"], state["older"]),
            "newer": tf.where(ends, mean, state["newer"]),
            "sum": tf.where(ends, 0.0, sums),
            "count": tf.where(ends, 0.0, count),
            "steps": tf.where(ends, 0.0, steps),
        }
        for name, value in values.items():
            replicas.assign(self.state[name], value)


class RandomWeigher(Weigher):
    """Draws weights that follow from the seed and the step."""

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        shape = (len(self.tasks),)
        drawn = tf.random.stateless_normal(shape, seeds(self.seed, step()), alg="philox")
        return tf.nn.softmax(drawn)


class GeometricWeigher(Weigher):
    """Takes the losses' geometric mean; tasks without a loss are left out."""

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        counts = tf.cast(losses > 0, tf.float32)
        count = tf.maximum(tf.reduce_sum(counts), 1.0)
        logs = tf.math.log(tf.where(losses > 0, losses, 1.0))
        mean = tf.exp(tf.reduce_sum(logs) / count)
        return counts * tf.math.divide_no_nan(mean, count * losses)


class FastWeigher(Weigher):
    """Learns logits from how the logarithm of each loss changes over a step."""

    by: FAMO
    looks_again = True
    zeros = ("logits", "first", "second", "count")

    def look_again(self, before: Tensors, after: Tensors) -> None:
        old, new = (
            tf.stop_gradient(tf.stack(replicas.total([losses[name] for name in self.tasks])))
            for losses in (before, after)
        )
        fall = tf.math.log(old + TINY) - tf.math.log(new + TINY)
        shares = tf.nn.softmax(self._read("logits"))
        gradient = shares * (fall - tf.reduce_sum(shares * fall))
        gradient += self.by.weight_decay * self._read("logits")
        self._adam("logits", gradient, tf.reduce_all(old > 0), self.by.learning_rate)

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        shares = tf.nn.softmax(self._read("logits")) / (losses + TINY)
        shares = tf.where(present, shares, 0.0)
        return tf.math.divide_no_nan(shares, tf.reduce_sum(shares))


class SmoothMaximumWeigher(Weigher):
    """Weights the largest loss most."""

    by: STCH

    def _weights(self, losses: tf.Tensor, present: tf.Tensor, step: ReadStep) -> tf.Tensor:
        tasks = len(self.tasks)
        return tf.nn.softmax(losses / (tasks * self.by.mu)) / tasks


@functools.singledispatch
def weigher_of(by: Weighting, tasks: Sequence[str], seed: int = 0) -> Weigher:
    """Returns the weigher of a weighting, for the tasks that train. Register one for each.

    Raises:
        InputError: the weighting has no weigher.
    """
    raise InputError(
        f"no weigher is registered for {type(by).__name__}; register one with weigher_of"
    )


def _register(kind: type[Weighting], weigher: Callable[..., Weigher]) -> None:
    weigher_of.register(kind)(weigher)


_register(Equal, EqualWeigher)
_register(Uncertainty, UncertaintyWeigher)
_register(DWA, PeriodWeigher)
_register(RLW, RandomWeigher)
_register(GLS, GeometricWeigher)
_register(FAMO, FastWeigher)
_register(STCH, SmoothMaximumWeigher)
