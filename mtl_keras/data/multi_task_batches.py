"""Turns a task's batch into a batch for all tasks, and joins such batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mtl_keras.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


def with_replay(dataset: tf.data.Dataset, replay: tf.data.Dataset) -> tf.data.Dataset:
    """Joins each batch with one of the protected tasks, for protections that replay examples.

    An epoch is a pass over `dataset`. If `replay` is shorter, it starts again.

    Args:
        dataset: the batches of the tasks that train, as `interleave` merges them.
        replay: the batches of the protected tasks, merged over the same tasks.

    Raises:
        InputError: the two are not merged over the same tasks, or `replay` has no batch.

    Returns:
        Dataset of `(x, {task: labels}, {task: weights})` with both batches' examples.
    """
    import tensorflow as tf

    tasks, replayed = (sorted(merged.element_spec[1]) for merged in (dataset, replay))
    if tasks != replayed:
        raise InputError(
            f"replay must be merged over the tasks {', '.join(tasks)}. "
            f"Received: {', '.join(replayed)}"
        )
    if int(replay.cardinality()) == 0:
        raise InputError("replay has no batch; give examples of the protected tasks")
    return mapped(tf.data.Dataset.zip((dataset, replay.repeat())), joined).prefetch(2)


def chosen_in_turn(datasets: Sequence[tf.data.Dataset], orders: Callable) -> tf.data.Dataset:
    """Batches of several datasets in the order of the indices that a generator yields.

    The generator yields arrays of indices, so that Python need not run at every step.
    """
    import tensorflow as tf

    signature = tf.TensorSpec((None,), tf.int64)
    order = tf.data.Dataset.from_generator(orders, output_signature=signature)
    return tf.data.Dataset.choose_from_datasets(datasets, order.unbatch())


def mapped(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    """Maps without AutoGraph, which the functions do not need and which would take a second."""
    import tensorflow as tf

    return dataset.map(tf.autograph.experimental.do_not_convert(function))


def spread_over(name: str, specs: Mapping[str, tuple]) -> Callable[..., tuple]:
    """A function: one task's batch → a batch for all tasks, with zeros for the others.

    Args:
        name: of the task.
        specs: task → the element spec of its batches.
    """
    import tensorflow as tf

    def spread(x: dict[str, tf.Tensor], labels: tf.Tensor, weights: tf.Tensor) -> tuple:
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


def joined(*batches: tuple) -> tuple:
    """Concatenates batches for all tasks."""
    import tensorflow as tf

    return tf.nest.map_structure(_stack, *batches)


def _stack(*tensors: tf.Tensor) -> tf.Tensor:
    """Concatenates along the batch axis; pads the second axis with zeros to the longest."""
    import tensorflow as tf

    if tensors[0].shape.rank == 1:
        return tf.concat(tensors, axis=0)
    length = tf.reduce_max([tf.shape(tensor)[1] for tensor in tensors])
    rest = [(0, 0)] * (tensors[0].shape.rank - 2)
    padded = [tf.pad(t, ((0, 0), (0, length - tf.shape(t)[1]), *rest)) for t in tensors]
    return tf.concat(padded, axis=0)
