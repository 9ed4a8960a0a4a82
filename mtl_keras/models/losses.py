"""The mean of a loss over labelled examples."""

import tensorflow as tf

from mtl_keras.distribution import replicas


def weighted_mean(
    values: tf.Tensor, weights: tf.Tensor, total: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns `sum(values * weights) / sum(weights)`, or 0 if all weights are 0.

    Weights of 0 leave out padding, the later pieces of a word, and the other tasks' examples.

    Args:
        values: losses of this replica's examples.
        weights: weights of the same shape.
        total: the sum of the weights in all replicas, so that the replicas' means add up to the
            mean over all examples. None: the sum of `weights`.
    """
    if total is None:
        (total,) = replicas.total([tf.reduce_sum(weights)])
    values = tf.cast(values, weights.dtype)  # Keras computes losses in its own `floatx`
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), total)
