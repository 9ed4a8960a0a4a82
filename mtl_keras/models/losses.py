"""The mean of a loss over what is labelled."""

import tensorflow as tf

from mtl_keras.distribution import replicas


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
    values = tf.cast(values, weights.dtype)  # Keras computes losses in its own `floatx`
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), total)
