"""The frozen prefix of a model, and the part above it that trains from the prefix's output."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.levels import output_at
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.models.branches import Branches
from mtl_keras.plans.layer_groups import LayerGroups

FEATURES, SENTENCE = "features", "sentence_embedding"


class LayeredModel(Protocol):
    """The parts of a `MultiTaskModel` that this module reads."""

    encoder: TextEncoder
    branches: Branches
    tasks: Mapping[str, Task]
    input: Mapping[str, keras.KerasTensor]
    output: Mapping[str, keras.KerasTensor]

    @property
    def layer_groups(self) -> LayerGroups:
        """Layer group → its layers, lowest first."""


def frozen_prefix(model: LayeredModel, frozen: Collection[str]) -> str | None:
    """Returns where the frozen prefix ends: the longest run of frozen layer groups from the bottom.

    Args:
        model: a `MultiTaskModel`.
        frozen: its frozen layer groups.

    Returns:
        The prefix's highest layer group, or a lower one that a head reads; `sentence_embedding` if
        the whole encoder is frozen and every head reads only that; None if the prefix holds no
        block, since the embeddings alone are only a table look-up.
    """
    trunk, tasks = list(model.layer_groups.trunk), model.tasks.values()
    lowest = min(trunk.index(levels[0]) for levels in model.branches.shared_levels().values())
    prefix = list(itertools.takewhile(lambda group: group in frozen, trunk[: lowest + 1]))
    if len(prefix) < 2:
        return None
    is_whole = prefix == list(model.layer_groups.backbone)
    if is_whole and not any(task.label_kind.per_word for task in tasks):
        return SENTENCE
    return prefix[-1]


def groups_up_to(model: LayeredModel, level: str | None) -> list[str]:
    """Returns the encoder's layer groups up to a level, lowest first; empty if it is None."""
    trunk = list(model.layer_groups.trunk)
    if level is None:
        return []
    return trunk if level == SENTENCE else trunk[: trunk.index(level) + 1]


@dataclass(frozen=True, eq=False)
class UpperPart:
    """The part of a model above a level, as a network of the same layers.

    Args:
        level: a layer group of the encoder, or `sentence_embedding`.
        network: maps features, and the padding mask if it is needed, to the model's outputs.
    """

    level: str
    network: keras.Model

    @classmethod
    def of(cls, model: LayeredModel, level: str) -> "UpperPart":
        """Returns the part of a `MultiTaskModel` above a level."""
        inputs = [output_of(model.encoder, level)]
        if level != SENTENCE:
            inputs.append(model.input["padding_mask"])
        return cls(level, keras.Model(inputs, model.output))

    def __call__(self, x: Mapping, *, training: bool) -> dict[str, tf.Tensor]:
        inputs = [x[FEATURES], x["padding_mask"]][: len(self.network.inputs)]
        return self.network(inputs, training=training)

    def check(self, model: LayeredModel) -> None:
        """Raises InputError if a layer group below the level trains."""
        above = {id(layer) for layer in self.network.layers}
        for group, layers in model.layer_groups.items():
            if any(layer.trainable and id(layer) not in above for layer in layers):
                raise InputError(
                    f"batches hold features from after {self.level}, but {group} trains; "
                    "freeze it, or call start_above(None)"
                )


def output_of(encoder: TextEncoder, level: str) -> keras.KerasTensor:
    """Returns the symbolic output of an encoder's layer group, or its `sentence_embedding`."""
    if level == SENTENCE:
        return encoder.transformer.output[SENTENCE]
    return output_at(encoder, level)
