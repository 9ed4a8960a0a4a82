"""Token vectors → answers: one Keras layer per task."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.transformer.dropout import Dropout
from mtl_keras.models.kinds.table import kind_of


@keras.saving.register_keras_serializable("mtl_keras")
class TaskHead(keras.layers.Layer):
    """Dropout and one dense layer, in float32.

    Args:
        task: what to predict; its kind gives the activation, its classes the width.
        dropout: rate in training.

    Input shape: `(batch, hidden)` sentence embeddings; if words are labelled, `(batch, length,
        hidden)` token vectors.
    Output shape: class probabilities `(batch, classes)`, of words `(batch, length, classes)`;
        for multilabel independent probabilities; for regression the number, `(batch,)`.

    Example:

    >>> head = TaskHead(Task("topic", labels=["sport", "world"]))
    >>> head(keras.ops.zeros((1, 8))).shape
    TensorShape([1, 2])
    """

    def __init__(self, task: Task, dropout: float = 0.1, **kwargs: Any):
        super().__init__(**{"name": f"{task.name}_head", "dtype": "float32"} | kwargs)
        self.task = task
        self.dropout = Dropout(dropout, dtype="float32")
        self.dense = keras.layers.Dense(
            task.num_outputs, activation=kind_of(task).activation, dtype="float32", name="dense"
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.dense.build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        activations = self.dense(self.dropout(inputs, training=bool(training) and self.trainable))
        return kind_of(self.task).head_outputs(activations)

    def get_config(self) -> dict[str, Any]:
        config = {"task": self.task.get_config(), "dropout": self.dropout.rate}
        return super().get_config() | config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "TaskHead":
        return cls(**{**config, "task": Task(**config["task"])})
