"""The transformer: embeddings and blocks as native Keras layers, in ordered layer groups.

One graph for many weights: residuals are normalised after each sub-layer (Vaswani et al.,
2017, "Attention is all you need"), query, key and value are one fused product, and every
product is two-dimensional, so that the plain graph runs near the speed of the products alone.
"""

from dataclasses import asdict, dataclass

import keras
import tensorflow as tf

POOLINGS = ("mean", "cls", "pooler")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The shape of an encoder.

    Args:
        vocabulary_size: rows of the token table.
        hidden_dim: width of a token vector.
        num_layers: number of blocks.
        num_heads: attention heads a block.
        intermediate_dim: width of the feed-forward layer.
        max_position: rows of the position table, so the longest input in word pieces.
        num_segments: rows of the segment table.
        approximate_gelu: the tanh form of GELU (Google's BERT) instead of the erf form.
        norm_epsilon: added to the variance in layer norms.
        dropout: rate in training, of hidden states and of attention weights.
        pooler: whether there is a tanh layer on the first token (`pooled_output`).
        pooling: what `sentence_embedding` is: `mean` over real tokens, `cls` or `pooler`.
    """

    vocabulary_size: int
    hidden_dim: int
    num_layers: int
    num_heads: int
    intermediate_dim: int
    max_position: int = 512
    num_segments: int = 2
    approximate_gelu: bool = False
    norm_epsilon: float = 1e-12
    dropout: float = 0.1
    pooler: bool = False
    pooling: str = "mean"

    def __post_init__(self) -> None:
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim must be a multiple of num_heads. "
                f"Received: hidden_dim={self.hidden_dim}, num_heads={self.num_heads}"
            )
        if self.pooling not in POOLINGS or (self.pooling == "pooler" and not self.pooler):
            raise ValueError(
                f"pooling must be one of {POOLINGS}, 'pooler' only where there is one. "
                f"Received: {self.pooling!r}, pooler={self.pooler}"
            )


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

    Args:
        config: the encoder's shape.

    Input shape: `(batch, length)`, int32. Output shape: `(batch, length, hidden_dim)`.
    """

    def __init__(self, config: EncoderConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = _as_config(config)
        self.norm = LayerNorm(self.config.norm_epsilon, dtype=self.dtype_policy, name="norm")
        self.dropout = keras.layers.Dropout(self.config.dropout, dtype=self.dtype_policy)

    def build(self, input_shape):
        hidden = self.config.hidden_dim
        self.token = self._table("token", self.config.vocabulary_size)
        self.position = self._table("position", self.config.max_position)
        self.segment = self._table("segment", self.config.num_segments)
        self.norm.build((None, None, hidden))

    def _table(self, name: str, rows: int):
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        return self.add_weight(
            shape=(rows, self.config.hidden_dim), initializer=initializer, name=name
        )

    def call(self, token_ids, training=False):
        position = self.position[: tf.shape(token_ids)[1]]
        x = tf.gather(tf.convert_to_tensor(self.token), token_ids)  # (batch, length, hidden)
        x = self.norm(x + position + self.segment[0])
        return self.dropout(x, training=bool(training) and self.trainable)

    def compute_output_spec(self, token_ids, training=False):
        shape = (*token_ids.shape, self.config.hidden_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"config": asdict(self.config)}


@keras.saving.register_keras_serializable("mtl_keras")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a feed-forward layer, each added to its input and normalised.

    While frozen (`trainable = False`) it runs without dropout, as Keras's own
    `BatchNormalization` runs in inference mode while frozen: what is frozen is a fixed
    function, so its output can be computed once.

    Args:
        config: the encoder's shape.

    Input shape: `(batch, length, hidden_dim)` and the padding mask `(batch, length)`, bool.
    Output shape: as the first input.
    """

    def __init__(self, config: EncoderConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = _as_config(config)
        make = {"dtype": self.dtype_policy}
        self.attention_norm = LayerNorm(self.config.norm_epsilon, name="attention_norm", **make)
        self.output_norm = LayerNorm(self.config.norm_epsilon, name="output_norm", **make)
        self.attention_dropout = keras.layers.Dropout(self.config.dropout, **make)
        self.hidden_dropout = keras.layers.Dropout(self.config.dropout, **make)
        self.output_dropout = keras.layers.Dropout(self.config.dropout, **make)

    def build(self, inputs_shape, padding_mask_shape=None):
        hidden, intermediate = self.config.hidden_dim, self.config.intermediate_dim
        self.query_key_value = self._dense("query_key_value", hidden, 3 * hidden)
        self.attention_output = self._dense("attention_output", hidden, hidden)
        self.intermediate = self._dense("intermediate", hidden, intermediate)
        self.output_dense = self._dense("output", intermediate, hidden)
        self.attention_norm.build((None, hidden))
        self.output_norm.build((None, hidden))

    def _dense(self, name: str, rows: int, columns: int):
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        kernel = self.add_weight(
            shape=(rows, columns), initializer=initializer, name=f"{name}_kernel"
        )
        bias = self.add_weight(shape=(columns,), initializer="zeros", name=f"{name}_bias")
        return kernel, bias

    def call(self, inputs, padding_mask, training=False):
        training = bool(training) and self.trainable
        batch, length = tf.unstack(tf.shape(inputs)[:2])
        x = tf.reshape(inputs, (batch * length, self.config.hidden_dim))
        attended = self._attend(x, padding_mask, batch, length, training)
        attended = _product(attended, self.attention_output)
        x = self.attention_norm(x + self.hidden_dropout(attended, training=training))
        wide = tf.nn.gelu(_product(x, self.intermediate), self.config.approximate_gelu)
        narrow = _product(wide, self.output_dense)
        x = self.output_norm(x + self.output_dropout(narrow, training=training))
        return tf.reshape(x, tf.shape(inputs))

    def _attend(self, x, padding_mask, batch, length, training):
        heads = self.config.num_heads
        size = self.config.hidden_dim // heads
        fused = tf.reshape(_product(x, self.query_key_value), (batch, length, 3, heads, size))
        query, key, value = tf.unstack(tf.transpose(fused, (2, 0, 3, 1, 4)))
        # (batch, heads, length, length)
        scores = tf.matmul(query * (size**-0.5), key, transpose_b=True)
        bias = tf.where(padding_mask, 0.0, -1e9)
        bias = tf.expand_dims(tf.expand_dims(bias, 1), 1)  # LiteRT slices no new axis
        weights = tf.nn.softmax(
            tf.cast(scores, tf.float32) + bias
        )  # (batch, heads, length, length)
        weights = self.attention_dropout(tf.cast(weights, value.dtype), training=training)
        mixed = tf.transpose(tf.matmul(weights, value), (0, 2, 1, 3))
        return tf.reshape(mixed, (batch * length, self.config.hidden_dim))

    def compute_output_spec(self, inputs, padding_mask, training=False):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return super().get_config() | {"config": asdict(self.config)}


@keras.saving.register_keras_serializable("mtl_keras")
class Pooler(keras.layers.Layer):
    """A tanh layer on the first token: `(batch, length, hidden)` → `(batch, hidden)`."""

    def build(self, input_shape):
        self.dense = keras.layers.Dense(
            input_shape[-1], activation="tanh", dtype=self.dtype_policy, name="dense"
        )
        self.dense.build((None, input_shape[-1]))

    def call(self, inputs):
        return self.dense(inputs[:, 0])


@keras.saving.register_keras_serializable("mtl_keras")
class MeanPooling(keras.layers.Layer):
    """Mean of the token vectors where the mask is true: `(batch, hidden)`, in float32."""

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)

    def call(self, inputs, padding_mask):
        weights = tf.expand_dims(tf.cast(padding_mask, inputs.dtype), -1)
        total = tf.reduce_sum(inputs * weights, axis=1)
        return total / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)


def build_transformer(config: EncoderConfig, dtype: str | None = None) -> keras.Model:
    """One functional Keras model: token ids and padding mask in, vectors out.

    Args:
        config: the encoder's shape.
        dtype: Keras dtype policy of its layers, the global one when None.

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
    x = Embeddings(config, name="embeddings", dtype=dtype)(token_ids)
    for index in range(config.num_layers):
        x = TransformerBlock(config, name=f"block_{index}", dtype=dtype)(x, padding_mask)
    outputs = {"sequence_output": x}
    if config.pooler:
        outputs["pooled_output"] = Pooler(name="pooler", dtype=dtype)(x)
    outputs["sentence_embedding"] = _pool(config, outputs, padding_mask)
    return keras.Model(
        {"token_ids": token_ids, "padding_mask": padding_mask}, outputs, name="transformer"
    )


def layer_groups(transformer: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The units of freezing and of learning rates, lowest first: `embeddings`, `block_0`, …

    The pooler, where there is one, belongs to the top block.
    """
    groups = {
        layer.name: [layer]
        for layer in transformer.layers
        if isinstance(layer, Embeddings | TransformerBlock)
    }
    top = list(groups)[-1]
    groups[top] += [layer for layer in transformer.layers if isinstance(layer, Pooler)]
    return groups


def _pool(config: EncoderConfig, outputs: dict, padding_mask):
    if config.pooling == "pooler":
        return outputs["pooled_output"]
    if config.pooling == "cls":
        return outputs["sequence_output"][:, 0]
    return MeanPooling(name="mean_pooling")(outputs["sequence_output"], padding_mask)


def _product(x, dense):  # (rows, columns) → (rows, width)
    kernel, bias = (tf.cast(weight, x.dtype) for weight in dense)
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def _as_config(config) -> EncoderConfig:
    return config if isinstance(config, EncoderConfig) else EncoderConfig(**config)
