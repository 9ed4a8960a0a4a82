"""Keras's `fit` and `evaluate` under any `tf.distribute` strategy, several workers included."""

from typing import Any

import keras
import tensorflow as tf

from mtl_keras.distribution import replicas


class DistributedFit:
    """Mix this into a `keras.Model` whose steps return `replicas.as_logs(…)`.

    Keras 3.15's `fit` fails under `MultiWorkerMirroredStrategy` for two reasons
    (https://github.com/keras-team/keras/issues/20585): it reduces an input batch to build the model
    with, and it reduces logs along their first axis. The two private methods below avoid both.
    They are the only private methods of Keras that this package overrides.
    """

    distribute_strategy: tf.distribute.Strategy

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As in Keras, but `shuffle` is off for a `tf.data.Dataset`, which has its own order.

        Under a `tf.distribute` strategy each replica takes its rows of every batch. This is the
        same training as on one device, except that each replica draws its own dropout.
        """
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)
            x = replicas.share(x, self.distribute_strategy)
        if isinstance(validation := kwargs.get("validation_data"), tf.data.Dataset):
            kwargs["validation_data"] = replicas.share(validation, self.distribute_strategy)
        return super().fit(x, *args, **kwargs)  # type: ignore[misc]

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; under a strategy each replica takes its rows of every batch."""
        if isinstance(x, tf.data.Dataset):
            x = replicas.share(x, self.distribute_strategy)
        return super().evaluate(x, *args, **kwargs)  # type: ignore[misc]

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: the model is built already, and Keras would reduce a batch for this."""

    def _get_metrics_result_or_logs(self, logs: Any) -> dict:
        """Returns all results at an epoch's end, even if its steps return only some (`as_logs`)."""
        return self.get_metrics_result()  # type: ignore[attr-defined]
