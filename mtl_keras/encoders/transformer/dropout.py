"""Dropout that draws few random bits."""

from collections.abc import Callable

import keras
import tensorflow as tf

from mtl_keras.distribution import replicas

LEVELS = 2**16  # different random numbers
APART = 100_003  # difference between the seeds of two replicas


class Dropout(keras.layers.Dropout):
    """Keras's dropout with half the random bits (16 per value), drawn separately in each replica.

    Srivastava et al., 2014, "Dropout: a simple way to prevent neural networks from overfitting":
    in training each value becomes 0 with probability `rate`, and the others are scaled to keep the
    expected sum. The rate is rounded to a multiple of 1 / 65,536.

    Example:

    >>> kept = Dropout(0.5, seed=0)(tf.ones((100, 100)), training=True)
    >>> sorted(set(kept.numpy().ravel().tolist()))
    [0.0, 2.0]
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        return dropped(inputs, self.rate, self.next_seed())

    def next_seed(self) -> tf.Tensor:
        """The seed of the next draw, `(2,)` int32; different at each call."""
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        context = tf.distribute.get_replica_context()
        if replicas.count() == 1 or context is None:
            return seed
        return seed + tf.stack([context.replica_id_in_sync_group * APART, 0])


def dropped(inputs: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Sets a share of the inputs to 0 and scales the rest. Keeps a byte per value for backward.

    Args:
        inputs: of any shape and float type; the output has the same.
        rate: the probability of 0, in [0, 1).
        seed: of the draw, `(2,)` int32.
    """
    lost = min(round(rate * LEVELS), LEVELS - 1)
    scale = LEVELS / (LEVELS - lost)
    kept = _numbers(tf.shape(inputs), seed) >= lost  # of the inputs' shape, bool

    @tf.custom_gradient
    def drop(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        # A product is faster, but its factor would be kept for the backward pass.
        zero = tf.zeros((), x.dtype)
        return x * (tf.cast(kept, x.dtype) * scale), lambda dy: tf.where(kept, dy * scale, zero)

    return drop(inputs)


def _numbers(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Random whole numbers below 65,536; a draw of 32 bits gives two."""
    count = tf.reduce_prod(shape)
    draws = tf.random.stateless_uniform(((count + 1) // 2,), seed, None, None, tf.uint32)
    # (draws,) uint32 → (draws, 2) uint16 → (count,) → shape
    return tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint16), (-1,))[:count], shape)
