"""The heads: one Keras layer per task maps the encoder's vectors to answers."""

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.data.levels import AUTO, LAST, MIX
from mtl_keras.data.task import Task
from mtl_keras.data.task_names import name_fault
from mtl_keras.encoders.levels import cut_above, levels_of, vectors_at, without_pooler
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.dropout import Dropout
from mtl_keras.errors import InputError, shown
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.plans.layer_groups import head_group


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
            task.num_outputs,
            activation=kind_of(task).link.activation,
            dtype="float32",
            name="dense",
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.dense.build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        activations = self.dense(self.dropout(inputs, training=bool(training) and self.trainable))
        kind = kind_of(self.task)
        return kind.in_units(self.task, kind.head_outputs(activations))

    def get_config(self) -> dict[str, Any]:
        config = {"task": self.task.get_config(), "dropout": self.dropout.rate}
        return super().get_config() | config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "TaskHead":
        return cls(**{**config, "task": Task.from_config(config["task"])})


@keras.saving.register_keras_serializable("mtl_keras")
class LevelMix(keras.layers.Layer):
    """A learned softmax mix of the vectors of all levels: `Σ softmax(s)_l · h_l`.

    Peters et al., 2018, "Deep contextualized word representations", eq. 1, without its γ, which the
    head's kernel holds. It begins as their mean.

    Input shape: a list of tensors `(batch, …, hidden)`, lowest level first.
    Output shape: that of one of them.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**{"dtype": "float32"} | kwargs)

    def build(self, input_shape: Sequence[Sequence[int | None]]) -> None:
        self.scores = self.add_weight((len(input_shape),), "zeros", name="scores")  # s

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        shares = tf.unstack(tf.nn.softmax(tf.convert_to_tensor(self.scores)))  # levels × ()
        return tf.add_n([share * level for share, level in zip(shares, inputs, strict=True)])


def read_levels(encoder: TextEncoder, tasks: Iterable[Task]) -> dict[str, list[str]]:
    """Returns task → the encoder's levels that its head reads, lowest first: one, or all to mix.

    Raises:
        InputError: a level that the encoder does not have, or `auto`.
    """
    return {task.name: _levels(encoder, task) for task in tasks}


def loaded_encoder(encoder: TextEncoder | str) -> TextEncoder:
    """Returns the encoder; loads it with its published weights if a source is given.

    Raises:
        InputError: it is neither, or cannot be loaded.
    """
    if isinstance(encoder, str | os.PathLike):
        return TextEncoder.from_pretrained(os.fspath(encoder))
    if not isinstance(encoder, TextEncoder):
        raise InputError(
            "encoder must be a TextEncoder or its source, such as 'all-MiniLM-L6-v2'. Received: "
            f"{shown(encoder)}"
        )
    return encoder


def used_part(
    encoder: TextEncoder, tasks: Iterable[Task], needed: Iterable[str] = ()
) -> TextEncoder:
    """Returns the encoder without what no head reads: blocks above their levels, and the pooler.

    A pooler that no head reads is not trained, and would have no weights in the model's file.

    Args:
        encoder: the encoder.
        tasks: of the heads.
        needed: levels that are kept in any case.

    Raises:
        InputError: as `read_levels`.
    """
    tasks, order = list(tasks), levels_of(encoder)
    levels = read_levels(encoder, tasks)
    highest = max(itertools.chain(*levels.values(), needed), key=order.index)
    reads_pooler = encoder.config.pooling == "pooler" and any(
        kind_of(task).reads.output == "sentence_embedding" and order[-1] in levels[task.name]
        for task in tasks
    )
    used = cut_above(encoder, highest)
    return used if reads_pooler else without_pooler(used)


def head_outputs(
    tasks: Sequence[Task], encoder_of: Callable[[str], TextEncoder], dropout: float
) -> dict[str, keras.KerasTensor]:
    """Returns task → the outputs of a new head on the vectors that its kind reads, at its level.

    Args:
        tasks: a head for each.
        encoder_of: a task → the encoder whose vectors its head reads.
        dropout: rate before each head, in training.

    Raises:
        InputError: a level that the encoder does not have.
    """
    vectors = functools.cache(vectors_at)
    outputs = {}
    for task in tasks:
        output, encoder = kind_of(task).reads.output, encoder_of(task.name)
        read = [vectors(encoder, level)[output] for level in _levels(encoder, task)]
        mixed = LevelMix(name=f"{task.name}_mix")(read) if task.reads == MIX else read[0]
        outputs[task.name] = TaskHead(task, dropout)(mixed)
    return outputs


def head_layers(task: str) -> tuple[str, str]:
    """Returns the names of a head's layers. Only a head that mixes levels has the second layer."""
    return f"{task}_head", f"{task}_mix"


def layers_of_heads(
    layers: Iterable[keras.layers.Layer], tasks: Iterable[str]
) -> dict[str, list[keras.layers.Layer]]:
    """Returns the layer group of each task's head → its layers among the model's."""
    by_name = {layer.name: layer for layer in layers}
    return {
        head_group(task): [by_name[name] for name in head_layers(task) if name in by_name]
        for task in tasks
    }


def check_task_names(argument: str, names: Iterable[str], tasks: Iterable[str]) -> None:
    """Raises InputError if an argument names a task that is not among these."""
    tasks = list(tasks)
    for name in names:
        if name not in tasks:
            raise InputError(f"{argument}: there is no task {name!r}; there are {', '.join(tasks)}")


def _levels(encoder: TextEncoder, task: Task) -> list[str]:
    levels = levels_of(encoder)
    if task.reads == AUTO:
        raise InputError(
            f"task {task.name!r}: reads: auto is found on the data, by training a recipe; a model "
            f"needs a level: {LAST}, {MIX} or one of {', '.join(levels[1:])}"
        )
    if task.reads == MIX:
        return levels
    level = levels[-1] if task.reads == LAST else task.reads
    if level not in levels:
        raise InputError(
            f"task {task.name!r}: the encoder has no {level}; its blocks are "
            f"{', '.join(levels[1:])}"
        )
    return [level]


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
                f"task {task.name!r} has no labels; give them, or data to find them in: "
                "Task(…, data={'train': …})"
            )
    if not has_names and (fault := name_fault(tasks)):
        raise InputError(fault.message)
