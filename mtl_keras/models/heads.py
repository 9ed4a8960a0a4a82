"""Token vectors → answers: one Keras layer per task."""

import keras

from mtl_keras.data.task import Task
from mtl_keras.encoders.transformer.dropout import Dropout

ACTIVATIONS = {
    "classification": "softmax",
    "tagging": "softmax",
    "multilabel": "sigmoid",
    "regression": "linear",
}


@keras.saving.register_keras_serializable("mtl_keras")
class TaskHead(keras.layers.Layer):
    """Dropout and one dense layer, in float32.

    Args:
        task: what to predict; its kind gives the activation, its classes the width.
        dropout: rate in training.

    Input shape: `(batch, hidden)` sentence embeddings; `(batch, length, hidden)` token vectors
        for tagging.
    Output shape: class probabilities `(batch, classes)`, tagging `(batch, length, classes)`;
        for multilabel independent probabilities; for regression the number, `(batch,)`.

    Example:

    >>> head = TaskHead(Task("topic", labels=["sport", "world"]))
    >>> head(keras.ops.zeros((1, 8))).shape
    TensorShape([1, 2])
    """

    def __init__(self, task: Task, dropout: float = 0.1, **kwargs):
        super().__init__(**{"name": f"{task.name}_head", "dtype": "float32"} | kwargs)
        self.task = task
        self.dropout = Dropout(dropout, dtype="float32")
        self.dense = keras.layers.Dense(
            task.num_outputs, activation=ACTIVATIONS[task.kind], dtype="float32", name="dense"
        )

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs, training=False):
        outputs = self.dense(self.dropout(inputs, training=bool(training) and self.trainable))
        return outputs[:, 0] if self.task.kind == "regression" else outputs

    def get_config(self):
        config = {"task": self.task.get_config(), "dropout": self.dropout.rate}
        return super().get_config() | config

    @classmethod
    def from_config(cls, config):
        return cls(**config | {"task": Task(**config["task"])})
