"""A Keras model of the user's own as an encoder: its layers, behind ordered layer groups."""

import copy
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig, check_pooling
from mtl_keras.encoders.transformer.keras_hub import as_transformer, count_weights, least_numbers
from mtl_keras.encoders.transformer.keras_hub_graph import Structure, find_structure
from mtl_keras.encoders.transformer.transformer import build_transformer
from mtl_keras.errors import InputError, first_line

SHORT = 3  # pieces
TOLERANCE = 0.02  # of the largest number of a token vector; what bfloat16 rounds is less
KERAS = ("keras", "keras_hub")


@keras.saving.register_keras_serializable("mtl_keras")
@dataclass(frozen=True, kw_only=True)
class KerasModelConfig(EncoderConfig):
    """The shape of an encoder that the user built.

    Args:
        model: what `keras.saving.serialize_keras_object` says of it.
        repeats: how many layers are applied, one after the other; more than there are blocks if
            they share weights.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    repeats: int

    def lowest(self, blocks: int) -> Self:
        cut = super().lowest(blocks)
        return dataclasses.replace(cut, repeats=self.applications() * blocks)

    def applications(self) -> int:
        return self.repeats // self.num_layers

    def least_weights(self) -> int:
        return least_numbers(self.made, self)

    def made(self) -> keras.Model:
        """The model, with fresh weights; Keras's safe mode refuses code."""
        return _made(self.model)


@build_transformer.register
def build_keras_model(
    config: KerasModelConfig, dtype: str | None = None, *, initialize: bool = True
) -> keras.Model:
    """As `build_transformer`; the weights are drawn in any case, the precision is the model's own.

    Raises:
        InputError: another precision is asked for.
    """
    transformer = as_transformer(config.made(), config)
    own = transformer.get_layer("embeddings").dtype_policy.name
    if dtype not in (None, own):
        raise InputError(
            f"an encoder of your own Keras model computes in {own}, as it was made; {dtype} was "
            "asked for: make the model under that policy"
        )
    return transformer


def adapt(
    model: keras.Model, tokenizer: Tokenizer, pooling: str
) -> tuple[KerasModelConfig, keras.Model]:
    """The shape of a model, and its layers as `build_transformer` would give them.

    Args:
        model: as `TextEncoder.from_keras` takes it.
        tokenizer: whose pieces it takes.
        pooling: what the sentence embedding is.

    Raises:
        InputError: it is not so built, or cannot be described.
    """
    if not getattr(model, "inputs", None):
        raise InputError(
            "model must be a functional Keras model, keras.Model(inputs, outputs), as its layer "
            f"groups are found in its graph. Received: {type(model).__name__}"
        )
    structure = find_structure(model)
    check_pooling(pooling, structure.pooled is not None)
    config = _config(model, structure, tokenizer, pooling)
    transformer = as_transformer(model, config)
    _check_answers(model, transformer, tokenizer)
    return config, transformer


def _config(
    model: keras.Model, structure: Structure, tokenizer: Tokenizer, pooling: str
) -> KerasModelConfig:
    """The shape; of heads and feed-forward width, which only forecasts need, BERT's proportions."""
    hidden = structure.sequence.shape[-1]
    if hidden is None:
        raise InputError("model: the width of its token vectors is not fixed; give it one")
    return KerasModelConfig(
        model=_described(model),
        repeats=structure.repeats,
        vocabulary_size=len(tokenizer.vocabulary),
        hidden_dim=hidden,
        num_layers=len(structure.levels) - 1,
        num_heads=1,
        intermediate_dim=4 * hidden,
        max_position=tokenizer.max_length,
        num_segments=0,
        dropout=0.0,
        pooler=structure.pooled is not None,
        pooling=pooling,
    )


def _described(model: keras.Model) -> dict[str, Any]:
    """What a `.keras` file says of a model; raises `InputError` if it could not be read there."""
    cure = "give each layer of your own get_config, and register its class with Keras"
    for layer in model.layers:
        kind = type(layer)
        name = keras.saving.get_registered_name(kind)
        is_own = kind.__module__.partition(".")[0] not in KERAS
        if is_own and keras.saving.get_registered_object(name) is None:
            raise InputError(
                f"model: {kind.__name__} is not registered, so no .keras file of it could be read; "
                "put @keras.saving.register_keras_serializable() before the class"
            )
    try:
        described: dict[str, Any] = keras.saving.serialize_keras_object(model)
        json.dumps(described)
        count = count_weights(lambda: _made(described))
    except Exception as error:  # whatever the user's classes raise
        raise InputError(
            f"model: cannot be made again from its config ({first_line(error)}); {cure}"
        ) from None
    if count[0] != len(model.weights):
        raise InputError(
            f"model: made again from its config it has {count[0]} weights, not "
            f"{len(model.weights)}; {cure}"
        )
    return described


def _made(described: Mapping[str, Any]) -> keras.Model:
    """The model that was described; Keras empties what it reads, so it gets a copy."""
    made: keras.Model = keras.saving.deserialize_keras_object(copy.deepcopy(dict(described)))
    return made


def _check_answers(model: keras.Model, transformer: keras.Model, tokenizer: Tokenizer) -> None:
    """Raises `InputError` if the parts one after the other answer otherwise than the model."""
    ids, mask = _probe(tokenizer)
    sequence = _sequence(model, ids, mask)
    cut_apart = _sequence(transformer, ids, mask)[mask]
    short = _sequence(model, ids[1:, :SHORT], mask[1:, :SHORT])  # (1, short, hidden)
    most = TOLERANCE * max(1.0, float(np.abs(sequence[mask]).max()))
    if not np.abs(cut_apart - sequence[mask]).max() <= most:  # nor if it is NaN
        raise InputError(
            "model: its layers, cut apart, answer otherwise than together; hand the padding mask "
            "to each block as an argument, not with mask_zero"
        )
    if not np.abs(short - sequence[1:, :SHORT]).max() <= most:
        raise InputError(
            "model: a text's vectors change with the padding beside it; use padding_mask in every "
            "block's attention"
        )


def _probe(tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """Two texts, one as long as can be and one short: ids and mask, `(2, length)` each."""
    length, size = tokenizer.max_length, len(tokenizer.vocabulary)
    ids = np.stack([(size - 1 - np.arange(length)) % size] * 2).astype(np.int32)
    mask = np.arange(length) < np.array([[length], [SHORT]])
    return ids * mask, mask


def _sequence(model: keras.Model, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The token vectors, `(texts, length, hidden)`, in float32."""
    zeros = np.zeros_like(ids)
    given = {"token_ids": ids, "padding_mask": mask}
    inputs = {tensor.name: tensor for tensor in model.inputs}
    outputs = model.output
    sequence = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    values = {
        name: tf.constant(given.get(name, zeros), tensor.dtype) for name, tensor in inputs.items()
    }
    try:
        vectors = keras.Model(inputs, sequence)(values, training=False)
    except Exception as error:  # whatever the user's layers raise
        raise InputError(
            f"model: cannot take {ids.shape[1]} pieces, as many as the tokenizer gives, of ids up "
            f"to {ids.max()} ({first_line(error)}); give it as many positions and pieces"
        ) from None
    return np.asarray(tf.cast(vectors, tf.float32))
