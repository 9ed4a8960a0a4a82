"""The arithmetic of a step over a batch of several tasks: weights, losses and metrics.

Every function takes and returns plain dicts by task. Sums run over all replicas, so that each
replica's share of a loss adds up to the loss of the whole batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.distribution import replicas
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.labelled_arrays import check_input_names, check_keys, check_ranks
from mtl_keras.models.losses import weighted_mean

Tensors = Mapping[str, tf.Tensor]


class Batch(NamedTuple):
    """The data that a step reads.

    Args:
        x: `token_ids` and `padding_mask`, both `(batch, length)`, and perhaps `features`.
        labels: task → labels, as `interleave` gives them.
        weights: task → float32 weights of the shape of the task's losses.
    """

    x: Tensors
    labels: Tensors
    weights: Tensors


def unpack(data: Any, tasks: Mapping[str, Task]) -> Batch:
    """Reads what `fit` hands to a step; without weights, every example counts for every task.

    Raises:
        InputError: inputs or labels that are no dict, other tasks, or labels of another rank.
    """
    x, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
    check_input_names(x)
    check_keys(labels, weights, tasks)
    if weights is None:
        weights = {name: tf.ones(_example_shape(tasks[name], y)) for name, y in labels.items()}
    check_ranks(labels, weights, tasks)
    return Batch(x, labels, {name: tf.cast(weights[name], tf.float32) for name in tasks})


def sums_of_weights(weights: Tensors) -> dict[str, tf.Tensor]:
    """Returns task → the sum of its weights in all replicas, a scalar."""
    sums = [tf.reduce_sum(of_task) for of_task in weights.values()]
    return dict(zip(weights, replicas.total(sums), strict=True))


def losses_by_task(
    losses: Mapping[str, keras.losses.Loss], batch: Batch, outputs: Tensors, sums: Tensors
) -> dict[str, tf.Tensor]:
    """Returns task → its mean loss over the batch, a scalar; in a replica, its share of the mean.

    Args:
        losses: task → its loss, unreduced.
        batch: labels and weights.
        outputs: task → its head's outputs.
        sums: task → the sum of its weights (`sums_of_weights`).
    """
    return {
        name: weighted_mean(
            loss(batch.labels[name], outputs[name]), batch.weights[name], sums[name]
        )
        for name, loss in losses.items()
    }


def answerable_losses(
    losses: Mapping[str, keras.losses.Loss],
    batch: Batch,
    outputs: Tensors,
    tasks: Mapping[str, Task],
) -> dict[str, tf.Tensor]:
    """Returns `losses_by_task` over labels that occur in training; others have no weight."""
    labels, weights = {}, {}
    for name, task in tasks.items():
        labels[name], weights[name] = kind_of(task).answerable(
            batch.labels[name], batch.weights[name], outputs[name]
        )
    return losses_by_task(
        losses, Batch(batch.x, labels, weights), outputs, sums_of_weights(weights)
    )


def active_layers(sums: Tensors, readers: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
    """Returns layer → whether the batch has an example of any task that it serves.

    Args:
        sums: task → the sum of its weights in the batch.
        readers: name of a layer → its tasks.
    """
    return {layer: tf.add_n([sums[name] for name in tasks]) > 0 for layer, tasks in readers.items()}


def padding_update(metric: keras.metrics.Metric, padding_mask: tf.Tensor) -> replicas.Update:
    """Returns an update: the share of positions without a word piece, weighted by their number."""
    padded = 1 - tf.cast(padding_mask, tf.float32)  # (batch, length)
    share = tf.math.divide_no_nan(tf.reduce_sum(padded), tf.cast(tf.size(padded), tf.float32))
    return metric, (share,), tf.size(padded)


def task_updates(
    metrics: Mapping[str, Sequence[keras.metrics.Metric]],
    batch: Batch,
    outputs: Tensors,
    losses: Iterable[tf.Tensor],
) -> list[replicas.Update]:
    """Returns the updates of each task's metrics by a batch.

    Args:
        metrics: task → its mean loss, then its other metrics.
        batch: labels and weights.
        outputs: task → its head's outputs.
        losses: the tasks' losses over all replicas, in the order of `metrics`.
    """
    updates: list[replicas.Update] = []
    for (name, (mean_loss, *others)), loss in zip(metrics.items(), losses, strict=True):
        weights = batch.weights[name]
        updates.append((mean_loss, (loss,), tf.reduce_sum(weights)))
        updates += [(metric, (batch.labels[name], outputs[name]), weights) for metric in others]
    return updates


def _example_shape(task: Task, labels: tf.Tensor) -> tf.Tensor:
    return tf.shape(labels)[: kind_of(task).reads.axes]
