"""Pools token vectors to one vector per text."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("mtl_keras")
class Pooler(keras.layers.Layer):
    """A tanh layer on the first token: `(batch, length, hidden)` → `(batch, hidden)`."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.dense = keras.layers.Dense(
            input_shape[-1], activation="tanh", dtype=self.dtype_policy, name="dense"
        )
        self.dense.build((None, input_shape[-1]))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return self.dense(inputs[:, 0])  # (batch, hidden)


@keras.saving.register_keras_serializable("mtl_keras")
class MeanPooling(keras.layers.Layer):
    """Mean of the token vectors where the mask is true: `(batch, hidden)`, in float32."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"dtype": "float32"} | kwargs)

    def call(self, inputs: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        weights = tf.expand_dims(tf.cast(padding_mask, inputs.dtype), -1)  # (batch, length, 1)
        total = tf.reduce_sum(inputs * weights, axis=1)  # (batch, hidden)
        return total / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)


@keras.saving.register_keras_serializable("mtl_keras")
class LastPooling(keras.layers.Layer):
    """The vector of the last token where the mask is true: `(batch, hidden)`.

    With causal attention, this token has seen the whole text. If the mask is true nowhere, the
    first token is taken.
    """

    def call(self, inputs: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        # (length,) * (batch, length) → (batch, length)
        places = tf.range(tf.shape(padding_mask)[1]) * tf.cast(padding_mask, tf.int32)
        return tf.gather(inputs, tf.reduce_max(places, axis=1), batch_dims=1)
