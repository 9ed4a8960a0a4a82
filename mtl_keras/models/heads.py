"""Token vectors → answers: one Keras layer per task."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.data.task_names import name_fault
from mtl_keras.encoders.transformer.dropout import Dropout
from mtl_keras.errors import InputError
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
        return cls(**{**config, "task": Task.from_config(config["task"])})


def head_outputs(
    tasks: Sequence[Task], vectors: Mapping[str, keras.KerasTensor], dropout: float
) -> dict[str, keras.KerasTensor]:
    """Task → the outputs of a new head over the vectors that its kind reads.

    Args:
        tasks: a head for each.
        vectors: `sentence_embedding (batch, hidden)`, `sequence_output (batch, length, hidden)`.
        dropout: rate before each head, in training.
    """
    heads = [TaskHead(task, dropout) for task in tasks]
    return {head.task.name: head(vectors[kind_of(head.task).reads.output]) for head in heads}


def check_task_names(argument: str, names: Iterable[str], tasks: Iterable[str]) -> None:
    """Raises InputError if an argument names a task that is not among these."""
    tasks = list(tasks)
    for name in names:
        if name not in tasks:
            raise InputError(f"{argument}: there is no task {name!r}; there are {', '.join(tasks)}")


def check_tasks(tasks: Sequence[Task], *, has_names: bool = False) -> None:
    """Checks that a model can have these tasks together.

    Args:
        tasks: of a model.
        has_names: whether their names are those of a file; else they are checked (`name_fault`).

    Raises:
        InputError: no task, two of one name, a task without labels, a name that cannot be.
    """
    if not tasks:
        raise InputError("a model needs at least one task. Received: none")
    names = [task.name for task in tasks]
    for task in tasks:
        if names.count(task.name) > 1:
            raise InputError(f"two tasks are called {task.name!r}; give each its own name")
        if not task.has_all_labels:
            raise InputError(
                f"task {task.name!r} has no labels; give them, or take them from the data with "
                "TaskDataset(task).task"
            )
    if not has_names and (fault := name_fault(tasks)):
        raise InputError(fault.message)
