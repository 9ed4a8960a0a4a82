"""Combiners: they give a training step one gradient from the gradients of several tasks."""

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.models import combinations
from mtl_keras.models.gradients import dense, summed
from mtl_keras.models.guards import Gradients, Guard
from mtl_keras.plans.combination import (
    DBMTL,
    IMTLG,
    MGDA,
    Aligned,
    CAGrad,
    Combination,
    GradVac,
    Nash,
    PCGrad,
    UPGrad,
)

Tensors = Mapping[str, tf.Tensor]
ReadStep = Callable[[], tf.Tensor]


class Losses(NamedTuple):
    """The losses of a step; in a replica, its shares of them.

    Args:
        by_task: task → its loss, weighted.
        penalties: terms that belong to no task.
        total: the sum of all.
    """

    by_task: Tensors
    penalties: Sequence[tf.Tensor]
    total: tf.Tensor


class Combiner:
    """Adds the tasks' gradients: the guard computes them in one backward pass."""

    combines: ClassVar[bool] = False
    state: Mapping[str, keras.Variable] = {}

    def check(self, guard: Guard) -> None:
        """Raises InputError if the guard combines gradients too."""

    def gradients(
        self,
        guard: Guard,
        tape: tf.GradientTape,
        losses: Losses,
        weights: Sequence[tf.Variable],
        readers: Sequence[frozenset[str]],
        step: ReadStep,
    ) -> Gradients:
        """Returns the gradients to apply, summed over the replicas.

        Args:
            guard: of the protected tasks.
            tape: that recorded the step; persistent if this combiner or the guard needs it.
            losses: the losses of the step.
            weights: the weights that train.
            readers: for each of them, the tasks that it serves.
            step: reads the number of the step.
        """
        return guard.gradients(tape, losses.total, losses.by_task, weights)


class GramianCombiner(Combiner):
    """Combines the gradients of weights that several of the tasks share, by their Gramian.

    Args:
        by: the combination.
        tasks: the tasks that train.
        seed: of random orders.
    """

    combines = True

    def __init__(self, by: Combination, tasks: Sequence[str], seed: int = 0):
        self.by, self.tasks, self.seed = by, tuple(tasks), seed
        count = len(self.tasks)
        zeros = np.zeros((count, count), np.float32)
        names = ("cosines",) if isinstance(by, GradVac) else ()
        self.state = {name: keras.Variable(zeros, trainable=False, name=name) for name in names}

    def check(self, guard: Guard) -> None:
        if guard.two_gradients:
            raise InputError(
                "combine: GradientProjection combines gradients in its own way; protect by "
                "Distillation() or StartingWeights(), or do not combine"
            )

    def gradients(
        self,
        guard: Guard,
        tape: tf.GradientTape,
        losses: Losses,
        weights: Sequence[tf.Variable],
        readers: Sequence[frozenset[str]],
        step: ReadStep,
    ) -> Gradients:
        shared = [len(tasks.intersection(self.tasks)) > 1 for tasks in readers]
        if not any(shared):
            return super().gradients(guard, tape, losses, weights, readers, step)
        by_task = [_gradients(tape, [losses.by_task[name]], weights) for name in self.tasks]
        gramian = _gramian([itertools.compress(of_task, shared) for of_task in by_task])
        values = tf.stack(replicas.total([losses.by_task[name] for name in self.tasks]))
        factors = tf.unstack(combine(self.by, gramian, self, values, step), len(self.tasks))
        others = [loss for name, loss in losses.by_task.items() if name not in self.tasks]
        rest = _gradients(tape, [*others, *losses.penalties], weights)
        return [
            _sum([more, *(_scaled(of_weight, factors) if is_shared else of_weight)])
            for is_shared, more, *of_weight in zip(shared, rest, *by_task, strict=True)
        ]

    def orders(self, step: ReadStep) -> tf.Tensor:
        """Returns for each task a random order of all, `(K, K)`."""
        return combinations.random_orders(len(self.tasks), self.seed, step())


def combiner_of(by: Combination, tasks: Sequence[str], seed: int = 0) -> Combiner:
    """Returns the combiner of a combination, for the tasks that train."""
    is_plain = len(tasks) < 2 or not by.combines
    return Combiner() if is_plain else GramianCombiner(by, tasks, seed)


@functools.singledispatch
def combine(
    by: Combination, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    """Returns the weights of the tasks' gradients, `(K,)`. Register one for each combination.

    Args:
        by: the combination.
        gramian: of the gradients, `(K, K)`.
        of: the combiner, which has the state.
        losses: the tasks' losses, `(K,)`.
        step: reads the number of the step.

    Raises:
        InputError: the combination has no function.
    """
    raise InputError(
        f"no function is registered for {type(by).__name__}; register one with combine"
    )


@combine.register
def _(
    by: PCGrad, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.pcgrad(gramian, of.orders(step))


@combine.register
def _(
    by: GradVac, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    cosines = of.state["cosines"]
    before = tf.convert_to_tensor(cosines.value)
    weights, after = combinations.gradvac(gramian, of.orders(step), before, by.beta)
    replicas.assign(cosines, after)
    return weights


@combine.register
def _(
    by: CAGrad, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.cagrad(gramian, by.c)


@combine.register
def _(
    by: MGDA, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.mgda(gramian)


@combine.register
def _(
    by: IMTLG, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.imtl_g(gramian)


@combine.register
def _(
    by: Nash, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.nash(gramian, by.max_norm)


@combine.register
def _(
    by: Aligned, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.aligned(gramian)


@combine.register
def _(
    by: UPGrad, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.upgrad(gramian, by.regularization)


@combine.register
def _(
    by: DBMTL, gramian: tf.Tensor, of: GramianCombiner, losses: tf.Tensor, step: ReadStep
) -> tf.Tensor:
    return combinations.db_mtl(gramian, losses)


def _gradients(
    tape: tf.GradientTape, losses: Sequence[tf.Tensor], weights: Sequence[tf.Variable]
) -> Gradients:
    """Returns the dense gradient of the losses' sum, over all replicas; None if unconnected."""
    if not losses:
        return [None] * len(weights)
    gradients = tape.gradient(losses, weights)
    return summed([None if one is None else dense(one) for one in gradients], weights)


def _gramian(by_task: Sequence[Iterable[tf.Tensor | None]]) -> tf.Tensor:
    """Returns the inner products `(K, K)` of the tasks' gradients, each one vector, in float32.

    Elements are multiplied and summed, since a matrix product may use fewer bits on a GPU.
    """
    rows = [list(gradients) for gradients in by_task]
    products = {(i, j): _product(rows[i], rows[j]) for i in range(len(rows)) for j in range(i + 1)}
    return tf.stack(
        [
            tf.stack([products[max(i, j), min(i, j)] for j in range(len(rows))])
            for i in range(len(rows))
        ]
    )


def _product(first: Sequence[tf.Tensor | None], second: Sequence[tf.Tensor | None]) -> tf.Tensor:
    pairs = zip(first, second, strict=True)
    products = [tf.reduce_sum(a * b) for a, b in pairs if a is not None and b is not None]
    return tf.add_n([tf.constant(0.0), *products])


def _scaled(gradients: Gradients, factors: Sequence[tf.Tensor]) -> Gradients:
    pairs = zip(gradients, factors, strict=True)
    return [None if gradient is None else factor * gradient for gradient, factor in pairs]


def _sum(gradients: Gradients) -> tf.Tensor | None:
    given = [gradient for gradient in gradients if gradient is not None]
    return tf.add_n(given) if given else None
