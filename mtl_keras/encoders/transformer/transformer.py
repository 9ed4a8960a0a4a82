"""The transformer: embeddings and blocks as native Keras layers, in ordered layer groups.

One graph for many weights (Vaswani et al., 2017, "Attention is all you need").
"""

import functools
import re
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.encoders.transformer.block import (
    NUM_DROPOUTS,
    BlockWeights,
    block_function,
    normalized,
)
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.dropout import Dropout
from mtl_keras.encoders.transformer.pooling import LastPooling, MeanPooling, Pooler

FINAL_NORM, POOLER = "final_norm", "pooler"  # layers above the blocks

Shape = tuple[int | None, ...]
# Not where the class is defined: that module loads without Keras.
keras.saving.register_keras_serializable("mtl_keras")(EncoderConfig)


@keras.saving.register_keras_serializable("mtl_keras")
class LayerNorm(keras.layers.Layer):
    """Layer normalization over the last axis, in float32.

    Ba et al., 2016: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.

    Args:
        epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return normalized(inputs, (self.gamma, self.beta), self.epsilon)  # (..., hidden)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"epsilon": self.epsilon}


@keras.saving.register_keras_serializable("mtl_keras")
class Embeddings(keras.layers.Layer):
    """Token ids → the sum of token, position and first-segment vectors, normalised.

    The sum is not normalised if the blocks normalise first.

    Args:
        config: the encoder's shape.
        initialize: whether to draw the tables. If not, they start as zeros, because loaded values
            overwrite them.

    Input shape: `(batch, length)`, int32. Output shape: `(batch, length, hidden_dim)`.
    """

    def __init__(
        self, config: EncoderConfig | Mapping[str, Any], *, initialize: bool = True, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.config = _as_config(config)
        self._initialize = initialize
        if not self.config.normalize_first:
            self.norm = LayerNorm(self.config.norm_epsilon, dtype=self.dtype_policy, name="norm")
        self.dropout = Dropout(self.config.dropout, dtype=self.dtype_policy)

    def build(self, input_shape: Shape) -> None:
        self.token = self._table("token", self.config.vocabulary_size)
        self.position = self._table("position", self.config.max_position)
        if self.config.num_segments:
            self.segment = self._table("segment", self.config.num_segments)
        if not self.config.normalize_first:
            self.norm.build((None, None, self.config.hidden_dim))

    def _table(self, name: str, rows: int) -> keras.Variable:
        initializer = _initializer(self._initialize)
        return self.add_weight((rows, self.config.hidden_dim), initializer, name=name)

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        position = self.position[: tf.shape(token_ids)[1]]  # (length, hidden)
        x = tf.gather(tf.convert_to_tensor(self.token), token_ids)  # (batch, length, hidden)
        x = x + position
        if self.config.num_segments:
            x = x + self.segment[0]  # (hidden,)
        if not self.config.normalize_first:
            x = self.norm(x)
        return self.dropout(x, training=bool(training) and self.trainable)

    def compute_output_spec(
        self, token_ids: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        shape = (*token_ids.shape, self.config.hidden_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"config": self.config.get_config()}


@keras.saving.register_keras_serializable("mtl_keras")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward layer, each added to its input; normalised after or before.

    While frozen (`trainable = False`) it runs without dropout, just as Keras's own
    `BatchNormalization` runs in inference mode while frozen. So a frozen block is a fixed function,
    and its output can be computed once.

    Args:
        config: the encoder's shape.
        window: how many word pieces each one attends to, itself included; 0 means all. For causal
            attention only.
        initialize: whether to draw the kernels. If not, they start as zeros, because loaded values
            overwrite them.

    Input shape: `(batch, length, hidden_dim)` and the padding mask `(batch, length)`, bool.
    Output shape: that of the first input.
    """

    def __init__(
        self,
        config: EncoderConfig | Mapping[str, Any],
        window: int = 0,
        *,
        initialize: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.config = _as_config(config)
        self.window = window
        self._initialize = initialize
        make = {"dtype": self.dtype_policy}
        self.attention_norm = LayerNorm(self.config.norm_epsilon, name="attention_norm", **make)
        self.output_norm = LayerNorm(self.config.norm_epsilon, name="output_norm", **make)
        self._dropouts = [Dropout(self.config.dropout, **make) for _ in range(NUM_DROPOUTS)]

    def build(self, inputs_shape: Shape, padding_mask_shape: Shape | None = None) -> None:
        hidden, intermediate = self.config.hidden_dim, self.config.intermediate_dim
        self.query_key_value = self._dense(
            "query_key_value", hidden, 3 * hidden, bias=self.config.attention_bias
        )
        self.attention_output = self._dense("attention_output", hidden, hidden)
        self.intermediate = self._dense("intermediate", hidden, intermediate)
        self.output_dense = self._dense("output", intermediate, hidden)
        self.attention_norm.build((None, hidden))
        self.output_norm.build((None, hidden))

    def _dense(
        self, name: str, rows: int, columns: int, bias: bool = True
    ) -> tuple[keras.Variable, ...]:
        initializer = _initializer(self._initialize)
        kernel = self.add_weight((rows, columns), initializer, name=f"{name}_kernel")
        if not bias:
            return (kernel,)
        return kernel, self.add_weight((columns,), "zeros", name=f"{name}_bias")

    def call(self, inputs: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        dropped = bool(training) and self.trainable and self.config.dropout
        seeds = [dropout.next_seed() for dropout in self._dropouts] if dropped else None
        weights = tf.nest.map_structure(
            lambda weight: tf.cast(weight, inputs.dtype),
            BlockWeights(
                attention_norm=(self.attention_norm.gamma, self.attention_norm.beta),
                query_key_value=self.query_key_value,
                attention_output=self.attention_output,
                output_norm=(self.output_norm.gamma, self.output_norm.beta),
                intermediate=self.intermediate,
                output=self.output_dense,
            ),
        )
        return block_function(self.config, self.window)(inputs, padding_mask, weights, seeds)

    def compute_output_spec(
        self, inputs: keras.KerasTensor, padding_mask: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        config = {"config": self.config.get_config(), "window": self.window}
        return super().get_config() | config


@functools.singledispatch
def build_transformer(
    config: EncoderConfig, dtype: str | None = None, *, initialize: bool = True
) -> keras.Model:
    """One functional Keras model: token ids and padding mask in, vectors out.

    Args:
        config: the encoder's shape.
        dtype: Keras dtype policy of its layers, the global one when None.
        initialize: whether to draw kernels and tables. If not, they start as zeros, because loaded
            values overwrite them; drawing MiniLM's takes a third of a second and twice their
            memory.

    Inputs: `token_ids (batch, length)` int32 and `padding_mask (batch, length)` bool.
    Outputs, by name: `sequence_output (batch, length, hidden_dim)`, `sentence_embedding
    (batch, hidden_dim)`, `pooled_output (batch, hidden_dim)` if there is a pooler.

    Example:

    >>> config = EncoderConfig(vocabulary_size=100, hidden_dim=8, num_layers=2, num_heads=2,
    ...                        intermediate_dim=16)
    >>> list(layer_groups(build_transformer(config)))
    ['embeddings', 'block_0', 'block_1']
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
    common: dict[str, Any] = {"dtype": dtype, "initialize": initialize}
    x = Embeddings(config, name="embeddings", **common)(token_ids)
    for index in range(config.num_layers):
        window = config.attention_window(index)
        x = TransformerBlock(config, window, name=f"block_{index}", **common)(x, padding_mask)
    if config.normalize_first:
        x = LayerNorm(config.norm_epsilon, name=FINAL_NORM, dtype=dtype)(x)
    outputs = {"sequence_output": x}
    if config.pooler:
        outputs["pooled_output"] = Pooler(name=POOLER, dtype=dtype)(x)
    outputs["sentence_embedding"] = pool(config, outputs, padding_mask)
    return keras.Model(
        {"token_ids": token_ids, "padding_mask": padding_mask}, outputs, name="transformer"
    )


def layer_groups(transformer: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The units of freezing and learning rates, lowest first: `embeddings`, `block_0`, …

    A final norm and a pooler belong to the top block; other layers before the blocks (relative
    positions) belong to the embeddings. Layers of a branch bear its name before their own.
    """
    layers = transformer.layers
    blocks = {
        match[1]: layer
        for layer in layers
        if (match := re.fullmatch(r"(?:.+\.)?(block_\d+)", layer.name))
    }
    groups: dict[str, list[keras.layers.Layer]] = {
        "embeddings": [],
        **{name: [block] for name, block in blocks.items()},
    }
    lowest, highest = layers.index(next(iter(blocks.values()))), [*blocks][-1]
    for place, layer in enumerate(layers):
        if layer.weights and layer not in blocks.values():
            groups["embeddings" if place < lowest else highest].append(layer)
    return groups


@functools.singledispatch
def copy_of(layer: keras.layers.Layer, branch: str) -> keras.layers.Layer:
    """A layer of the same settings, called `<branch>.<name>`, with fresh weights. Register one for
    each class that cannot be made from its `get_config`.
    """
    return type(layer).from_config(layer.get_config() | {"name": f"{branch}.{layer.name}"})


def pool(
    config: EncoderConfig,
    outputs: Mapping[str, keras.KerasTensor],
    padding_mask: keras.KerasTensor,
) -> keras.KerasTensor:
    """The sentence embedding with the configured pooling, `(batch, hidden)`.

    Args:
        config: the encoder's shape.
        outputs: `sequence_output (batch, length, hidden)`, and `pooled_output` if it is used.
        padding_mask: `(batch, length)`, bool.
    """
    if config.pooling == "pooler":
        return outputs["pooled_output"]
    if config.pooling == "cls":
        return outputs["sequence_output"][:, 0]
    if config.pooling == "last":
        return LastPooling(dtype="float32")(outputs["sequence_output"], padding_mask)
    return MeanPooling()(outputs["sequence_output"], padding_mask)


def _initializer(draws: bool) -> keras.Initializer:
    """A new initializer for each weight, since one that is used twice draws the same numbers."""
    return keras.initializers.TruncatedNormal(stddev=0.02) if draws else keras.initializers.Zeros()


def _as_config(config: EncoderConfig | Mapping[str, Any]) -> EncoderConfig:
    return config if isinstance(config, EncoderConfig) else EncoderConfig(**config)
