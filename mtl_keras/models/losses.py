"""Per-task losses, and the mean over what is labelled."""

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.distribution import replicas


def task_loss(task: Task) -> keras.losses.Loss:
    """The loss of a task, unreduced: cross-entropy, binary cross-entropy or squared error.

    Called with labels and the head's outputs it gives one value an example, `(batch,)`, for
    tagging one a token, `(batch, length)`. Where the outputs are Keras's own softmax or
    sigmoid, Keras computes from the logits behind them, so that a confident mistake keeps its
    gradient.
    """
    if task.kind == "multilabel":
        return keras.losses.BinaryCrossentropy(reduction=None)
    if task.kind == "regression":
        return _SquaredError()
    return keras.losses.SparseCategoricalCrossentropy(reduction=None)


def weighted_mean(
    values: tf.Tensor, weights: tf.Tensor, total: tf.Tensor | None = None
) -> tf.Tensor:
    """`sum(values * weights) / sum(weights)`, and 0 where all weights are 0.

    Weights of 0 leave out padding, the later pieces of a word, and the other tasks' examples.

    Args:
        values: of the examples of this replica.
        weights: theirs.
        total: the sum of the weights in all replicas, taken here where it is None. So the means
            of all replicas add up to the mean over all examples.
    """
    if total is None:
        (total,) = replicas.total([tf.reduce_sum(weights)])
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), total)


def mean(values: tf.Tensor) -> tf.Tensor:
    """The mean of equally weighted values (`weighted_mean`)."""
    return weighted_mean(values, tf.ones_like(values))


class _SquaredError(keras.losses.Loss):
    """Squared error of one number an example: `(batch,)` and `(batch,)` → `(batch,)`.

    Keras's own averages over the last axis, which here is the batch.
    """

    def __init__(self):
        super().__init__(name="squared_error", reduction=None)

    def call(self, y_true, y_pred):
        return tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)
