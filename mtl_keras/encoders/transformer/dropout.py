"""Dropout that draws few random bits."""

from collections.abc import Callable

import keras
import tensorflow as tf

from mtl_keras.distribution import replicas

LEVELS = 2**16  # of a random number
APART = 100_003  # seeds of two replicas


class Dropout(keras.layers.Dropout):
    """Keras's dropout from half the random bits (16 a value), drawn anew in each replica.

    Srivastava et al., 2014, "Dropout: a simple way to prevent neural networks from overfitting":
    in training each value becomes 0 with the probability `rate`, and the others grow so that the
    expected sum stays. The rate is rounded to a multiple of 1 / 65,536.

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
        """The seed of the next draw, `(2,)` int32; another one at each call."""
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        context = tf.distribute.get_replica_context()
        if replicas.count() == 1 or context is None:
            return seed
        return seed + tf.stack([context.replica_id_in_sync_group * APART, 0])


def dropped(inputs: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Inputs of which a share became 0, the others scaled. The backward pass keeps a byte a value.

    Args:
        inputs: of any shape and float type, which the outputs have too.
        rate: the probability of 0, in [0, 1).
        seed: `(2,)` int32, of the draw.
    """
    lost = min(round(rate * LEVELS), LEVELS - 1)
    scale = LEVELS / (LEVELS - lost)
    kept = _numbers(tf.shape(inputs), seed) >= lost  # of the inputs' shape, bool

    @tf.custom_gradient
    def drop(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        # A product is faster, but the backward pass would keep its factor.
        zero = tf.zeros((), x.dtype)
        return x * (tf.cast(kept, x.dtype) * scale), lambda dy: tf.where(kept, dy * scale, zero)

    return drop(inputs)


def _numbers(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Random whole numbers below 65,536; a draw of 32 bits gives two."""
    count = tf.reduce_prod(shape)
    draws = tf.random.stateless_uniform(((count + 1) // 2,), seed, None, None, tf.uint32)
    # (draws,) uint32 → (draws, 2) uint16 → (count,) → shape
    return tf.reshape(tf.reshape(tf.bitcast(draws, tf.uint16), (-1,))[:count], shape)
