"""The transformer: embeddings and blocks as native Keras layers, in ordered layer groups.

One graph for many weights (Vaswani et al., 2017, "Attention is all you need"): residuals are
normalised after each sub-layer or before, attention is causal or not, query, key and value are one
fused product, and every product is two-dimensional, so that the plain graph runs near the speed
of the products alone.
"""

import math
import re
from dataclasses import asdict

import keras
import tensorflow as tf

from mtl_keras.architecture import EncoderConfig
from mtl_keras.dropout import Dropout
from mtl_keras.poolings import LastPooling, MeanPooling, Pooler


@keras.saving.register_keras_serializable("mtl_keras")
class LayerNorm(keras.layers.Layer):
    """Layer normalization over the last axis, in float32.

    Ba et al., 2016: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.

    Args:
        epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, inputs):  # (..., hidden)
        x = tf.cast(inputs, tf.float32)
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        scale = tf.math.rsqrt(variance + self.epsilon) * tf.cast(self.gamma, tf.float32)
        return tf.cast(centred * scale + tf.cast(self.beta, tf.float32), inputs.dtype)

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}


@keras.saving.register_keras_serializable("mtl_keras")
class Embeddings(keras.layers.Layer):
    """Token ids → the sum of token, position and first-segment vectors, normalised.

    It is not normalised where the blocks normalise first.

    Args:
        config: the encoder's shape.
        initializer: of the tables, a truncated normal when None.

    Input shape: `(batch, length)`, int32. Output shape: `(batch, length, hidden_dim)`.
    """

    def __init__(self, config: EncoderConfig, initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.config = _as_config(config)
        self.initializer = _initializer(initializer)
        if not self.config.normalize_first:
            self.norm = LayerNorm(self.config.norm_epsilon, dtype=self.dtype_policy, name="norm")
        self.dropout = Dropout(self.config.dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.token = self._table("token", self.config.vocabulary_size)
        self.position = self._table("position", self.config.max_position)
        if self.config.num_segments:
            self.segment = self._table("segment", self.config.num_segments)
        if not self.config.normalize_first:
            self.norm.build((None, None, self.config.hidden_dim))

    def _table(self, name: str, rows: int):
        return self.add_weight(
            shape=(rows, self.config.hidden_dim), initializer=self.initializer, name=name
        )

    def call(self, token_ids, training=False):
        position = self.position[: tf.shape(token_ids)[1]]
        x = tf.gather(tf.convert_to_tensor(self.token), token_ids)  # (batch, length, hidden)
        x = x + position
        if self.config.num_segments:
            x = x + self.segment[0]
        if not self.config.normalize_first:
            x = self.norm(x)
        return self.dropout(x, training=bool(training) and self.trainable)

    def compute_output_spec(self, token_ids, training=False):
        shape = (*token_ids.shape, self.config.hidden_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"config": asdict(self.config)}


@keras.saving.register_keras_serializable("mtl_keras")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward layer, each added to its input; normalised after or before.

    While frozen (`trainable = False`) it runs without dropout, as Keras's own
    `BatchNormalization` runs in inference mode while frozen: what is frozen is a fixed
    function, so its output can be computed once.

    Args:
        config: the encoder's shape.
        window: to how many word pieces one attends, itself included; 0: to all. Only of causal
            attention.
        initializer: of the kernels, a truncated normal when None.

    Input shape: `(batch, length, hidden_dim)` and the padding mask `(batch, length)`, bool.
    Output shape: as the first input.
    """

    def __init__(self, config: EncoderConfig, window: int = 0, initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.config = _as_config(config)
        self.initializer = _initializer(initializer)
        self.window = window
        make = {"dtype": self.dtype_policy}
        self.attention_norm = LayerNorm(self.config.norm_epsilon, name="attention_norm", **make)
        self.output_norm = LayerNorm(self.config.norm_epsilon, name="output_norm", **make)
        self.attention_dropout = Dropout(self.config.dropout, **make)
        self.hidden_dropout = Dropout(self.config.dropout, **make)
        self.output_dropout = Dropout(self.config.dropout, **make)

    def build(self, inputs_shape, padding_mask_shape=None):
        hidden, intermediate = self.config.hidden_dim, self.config.intermediate_dim
        self.query_key_value = self._dense(
            "query_key_value", hidden, 3 * hidden, bias=self.config.attention_bias
        )
        self.attention_output = self._dense("attention_output", hidden, hidden)
        self.intermediate = self._dense("intermediate", hidden, intermediate)
        self.output_dense = self._dense("output", intermediate, hidden)
        self.attention_norm.build((None, hidden))
        self.output_norm.build((None, hidden))

    def _dense(self, name: str, rows: int, columns: int, bias: bool = True):
        kernel = self.add_weight(
            shape=(rows, columns), initializer=self.initializer, name=f"{name}_kernel"
        )
        if not bias:
            return (kernel,)
        return kernel, self.add_weight(shape=(columns,), initializer="zeros", name=f"{name}_bias")

    def call(self, inputs, padding_mask, training=False):
        training = bool(training) and self.trainable
        batch, length = tf.unstack(tf.shape(inputs)[:2])
        x = tf.reshape(inputs, (batch * length, self.config.hidden_dim))

        def attend(x):
            mixed = self._attend(x, padding_mask, batch, length, training)
            return self.hidden_dropout(_product(mixed, self.attention_output), training=training)

        def feed_forward(x):
            wide = _gelu(_product(x, self.intermediate), self.config.approximate_gelu)
            return self.output_dropout(_product(wide, self.output_dense), training=training)

        x = self._add(x, attend, self.attention_norm)
        x = self._add(x, feed_forward, self.output_norm)
        return tf.reshape(x, tf.shape(inputs))

    def _add(self, x, sublayer, norm):
        return x + sublayer(norm(x)) if self.config.normalize_first else norm(x + sublayer(x))

    def _attend(self, x, padding_mask, batch, length, training):
        heads = self.config.num_heads
        size = self.config.hidden_dim // heads
        fused = tf.reshape(_product(x, self.query_key_value), (batch, length, 3, heads, size))
        query, key, value = tf.unstack(tf.transpose(fused, (2, 0, 3, 1, 4)))
        if self.config.scale_attention:
            query = query * (size**-0.5)
        scores = tf.matmul(query, key, transpose_b=True)  # (batch, heads, length, length)
        bias = tf.where(self._attended(padding_mask, length), 0.0, -1e9)
        weights = tf.nn.softmax(tf.cast(scores, tf.float32) + bias)
        weights = self.attention_dropout(tf.cast(weights, value.dtype), training=training)
        mixed = tf.transpose(tf.matmul(weights, value), (0, 2, 1, 3))
        return tf.reshape(mixed, (batch * length, self.config.hidden_dim))

    def _attended(self, padding_mask, length):
        """Which keys each query attends to: `(batch, 1, length or 1, length)`, bool."""
        attended = tf.expand_dims(tf.expand_dims(padding_mask, 1), 1)  # LiteRT slices no new axis
        if not self.config.causal:
            return attended
        places = tf.range(length)
        back = tf.expand_dims(places, 1) - places
        near = (back >= 0) & (back < self.window) if self.window else back >= 0
        return attended & near

    def compute_output_spec(self, inputs, padding_mask, training=False):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"config": asdict(self.config), "window": self.window}


def build_transformer(
    config: EncoderConfig, dtype: str | None = None, initializer=None
) -> keras.Model:
    """One functional Keras model: token ids and padding mask in, vectors out.

    Args:
        config: the encoder's shape.
        dtype: Keras dtype policy of its layers, the global one when None.
        initializer: of kernels and tables, a truncated normal when None; zeros take the least
            memory where weights come from elsewhere.

    Inputs: `token_ids (batch, length)` int32 and `padding_mask (batch, length)` bool.
    Outputs, by name: `sequence_output (batch, length, hidden_dim)`, `sentence_embedding
    (batch, hidden_dim)`, `pooled_output (batch, hidden_dim)` where there is a pooler.

    Example:

    >>> config = EncoderConfig(vocabulary_size=100, hidden_dim=8, num_layers=2, num_heads=2,
    ...                        intermediate_dim=16)
    >>> list(layer_groups(build_transformer(config)))
    ['embeddings', 'block_0', 'block_1']
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
    x = Embeddings(config, initializer, name="embeddings", dtype=dtype)(token_ids)
    for index in range(config.num_layers):
        window = config.attention_window(index)
        block = TransformerBlock(config, window, initializer, name=f"block_{index}", dtype=dtype)
        x = block(x, padding_mask)
    if config.normalize_first:
        x = LayerNorm(config.norm_epsilon, name="final_norm", dtype=dtype)(x)
    outputs = {"sequence_output": x}
    if config.pooler:
        outputs["pooled_output"] = Pooler(name="pooler", dtype=dtype)(x)
    outputs["sentence_embedding"] = pool(config, outputs, padding_mask)
    return keras.Model(
        {"token_ids": token_ids, "padding_mask": padding_mask}, outputs, name="transformer"
    )


def layer_groups(transformer: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The units of freezing and of learning rates, lowest first: `embeddings`, `block_0`, …

    The final norm and the pooler, where there are any, belong to the top block; what else comes
    before the blocks (relative positions) to the embeddings.
    """
    layers = transformer.layers
    blocks = [layer for layer in layers if re.fullmatch(r"block_\d+", layer.name)]
    groups = {"embeddings": [], **{block.name: [block] for block in blocks}}
    for place, layer in enumerate(layers):
        if layer.weights and layer not in blocks:
            below = place < layers.index(blocks[0])
            groups["embeddings" if below else blocks[-1].name].append(layer)
    return groups


def pool(config: EncoderConfig, outputs: dict, padding_mask) -> keras.KerasTensor:
    """The sentence embedding that a configuration asks for, `(batch, hidden)`."""
    if config.pooling == "pooler":
        return outputs["pooled_output"]
    if config.pooling == "cls":
        return outputs["sequence_output"][:, 0]
    if config.pooling == "last":
        return LastPooling(name="last_pooling", dtype="float32")(
            outputs["sequence_output"], padding_mask
        )
    return MeanPooling(name="mean_pooling")(outputs["sequence_output"], padding_mask)


def _product(x, dense):  # (rows, columns) → (rows, width)
    kernel, *bias = (tf.cast(weight, x.dtype) for weight in dense)
    product = tf.matmul(x, kernel)
    return tf.nn.bias_add(product, *bias) if bias else product


def _gelu(x, approximate: bool):
    """Hendrycks & Gimpel, 2016: `x * Φ(x)`; TensorFlow's exact form takes 1.4 times as long."""
    if approximate:
        return tf.nn.gelu(x, approximate=True)
    return x * (0.5 * tf.math.erf(x * math.sqrt(0.5)) + 0.5)


def _initializer(initializer):
    return initializer or keras.initializers.TruncatedNormal(stddev=0.02)


def _as_config(config) -> EncoderConfig:
    return config if isinstance(config, EncoderConfig) else EncoderConfig(**config)
