"""AdamW with one operation a variable."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from mtl_keras.distribution import replicas


@keras.saving.register_keras_serializable("mtl_keras")
class FusedAdamW(keras.optimizers.AdamW):
    """Keras's AdamW with one operation a variable, TensorFlow's `ResourceApplyAdam`.

    The arithmetic is the same, without `amsgrad`, clipping and averages; a variable is read and
    written twice, not ten times, and there is less to trace.
    """

    def apply(
        self,
        grads: Sequence[tf.Tensor | tf.IndexedSlices | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        """One step. Gradients are the same in all replicas; each updates its own variables."""
        if not self.built:
            with tf.init_scope():
                self.build(trainable_variables)
        settings = {dtype: self._settings(dtype) for dtype in {v.dtype for v in self._momentums}}
        for gradient, variable in zip(grads, trainable_variables or (), strict=True):
            if gradient is not None:
                self._decay(variable)
                self._move(variable, gradient, settings[variable.dtype])
        replicas.assign(self.iterations, tf.convert_to_tensor(self.iterations) + 1)

    def _settings(self, dtype: str) -> dict[str, tf.Tensor]:
        """Returns the operation's arguments that are the same for all variables."""
        step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, dtype)
        beta1, beta2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        powers = {"beta1_power": tf.pow(beta1, step), "beta2_power": tf.pow(beta2, step)}
        rate, epsilon = tf.cast(self.learning_rate, dtype), tf.constant(self.epsilon, dtype)
        return powers | {"lr": rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}

    def _move(
        self,
        variable: keras.Variable,
        gradient: tf.Tensor | tf.IndexedSlices,
        settings: dict[str, tf.Tensor],
    ) -> None:
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            **settings,
        )

    def _decay(self, variable: keras.Variable) -> None:
        if self.weight_decay and self._use_weight_decay(variable):
            kept = 1 - tf.cast(self.learning_rate, variable.dtype) * self.weight_decay
            replicas.assign(variable, tf.convert_to_tensor(variable) * kept)
