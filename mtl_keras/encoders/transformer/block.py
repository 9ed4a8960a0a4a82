"""A transformer block as a function of its weights, traced once for all blocks of all encoders.

Normalization comes after or before each sub-layer, and attention may be causal. Query, key and
value are one fused product, and every product is two-dimensional, so that the plain graph runs
nearly as fast as the products alone.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.dropout import dropped

NUM_DROPOUTS = 3  # of attention weights, and of the output of each sub-layer


Weights = tuple[tf.Tensor, ...]  # kernel and bias, or the kernel alone; `gamma` and `beta`
Seeds = Sequence[tf.Tensor] | None  # of the dropouts; None for no dropout


class BlockWeights(NamedTuple):
    """Kernel and bias (or the kernel alone) of dense layers, `gamma` and `beta` of norms."""

    attention_norm: Weights
    query_key_value: Weights
    attention_output: Weights
    output_norm: Weights
    intermediate: Weights
    output: Weights


@functools.cache
def block_function(config: EncoderConfig, window: int) -> Callable[..., tf.Tensor]:
    """The function that blocks of such encoders compute. In a graph, a call is one operation.

    Args:
        config: the encoder's shape.
        window: how many word pieces each one attends to, itself included; 0 means all.

    Returns:
        A function of the inputs `(batch, length, hidden_dim)`, the padding mask `(batch, length)`,
        the `BlockWeights`, and the seeds of the dropouts or None. Its output has the inputs' shape
        and type.
    """
    block = functools.partial(_block, config, window)
    traced = tf.function(block, autograph=False)
    return lambda *args: (block if tf.executing_eagerly() else traced)(*args)


def normalized(inputs: tf.Tensor, norm: Weights, epsilon: float) -> tf.Tensor:
    """Layer normalization over the last axis, computed in float32; keeps shape and type.

    Args:
        inputs: `(..., hidden)`.
        norm: `gamma` and `beta`, `(hidden,)` each.
        epsilon: added to the variance.
    """
    gamma, beta = (tf.cast(weight, tf.float32) for weight in norm)
    x = tf.cast(inputs, tf.float32)  # (..., hidden)
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)  # (..., 1)
    scale = tf.math.rsqrt(variance + epsilon) * gamma  # (..., hidden)
    return tf.cast(centred * scale + beta, inputs.dtype)


def _block(
    config: EncoderConfig,
    window: int,
    inputs: tf.Tensor,
    padding_mask: tf.Tensor,
    weights: BlockWeights,
    seeds: Seeds,
) -> tf.Tensor:
    batch, length = tf.unstack(tf.shape(inputs)[:2])
    attended = _attended(config, window, padding_mask, length)  # (batch, 1, length or 1, length)
    drop = functools.partial(dropped, rate=config.dropout) if seeds else lambda x, seed: x
    gelu = functools.partial(_gelu, approximate=config.approximate_gelu)
    of_weights, of_attention, of_output = seeds or [None] * NUM_DROPOUTS

    def attend(x: tf.Tensor) -> tf.Tensor:
        fused = _product(x, weights.query_key_value)  # (batch * length, 3 * hidden)
        heads = _heads(config, tf.reshape(fused, (batch, length, 3, config.num_heads, -1)))
        mixed = _mixed(heads, attended, lambda shares: drop(shares, seed=of_weights))
        merged = tf.reshape(mixed, (batch * length, config.hidden_dim))
        return drop(_product(merged, weights.attention_output), seed=of_attention)

    def feed_forward(x: tf.Tensor) -> tf.Tensor:
        wide = _product(x, weights.intermediate)  # (batch * length, intermediate)
        wide = _trained_gelu(wide) if seeds and not config.approximate_gelu else gelu(wide)
        return drop(_product(wide, weights.output), seed=of_output)

    def add(x: tf.Tensor, sublayer: Callable[[tf.Tensor], tf.Tensor], norm: Weights) -> tf.Tensor:
        normalize = _trained_normalized if seeds else normalized
        if config.normalize_first:
            return x + sublayer(normalize(x, norm, config.norm_epsilon))
        return normalize(x + sublayer(x), norm, config.norm_epsilon)

    x = tf.reshape(inputs, (batch * length, config.hidden_dim))
    x = add(x, attend, weights.attention_norm)  # (batch * length, hidden)
    x = add(x, feed_forward, weights.output_norm)  # (batch * length, hidden)
    return tf.reshape(x, tf.shape(inputs))  # (batch, length, hidden)


def _heads(config: EncoderConfig, fused: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Query, key and value, each `(batch, heads, length, size)`."""
    # (batch, length, 3, heads, size) → (3, batch, heads, length, size)
    query, key, value = tf.unstack(tf.transpose(fused, (2, 0, 3, 1, 4)))
    if config.scale_attention:
        query = query * ((config.hidden_dim // config.num_heads) ** -0.5)
    return query, key, value


def _mixed(
    heads: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    attended: tf.Tensor,
    drop: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """The output of attention, `(batch, length, heads, size)`."""
    query, key, value = heads
    scores = tf.matmul(query, key, transpose_b=True)  # (batch, heads, length, length)
    bias = tf.where(attended, 0.0, -1e9)
    shares = tf.nn.softmax(tf.cast(scores, tf.float32) + bias)  # (batch, heads, length, length)
    return tf.transpose(tf.matmul(drop(tf.cast(shares, value.dtype)), value), (0, 2, 1, 3))


def _attended(
    config: EncoderConfig, window: int, padding_mask: tf.Tensor, length: tf.Tensor
) -> tf.Tensor:
    """Which keys each query attends to: `(batch, 1, length or 1, length)`, bool."""
    attended = tf.expand_dims(tf.expand_dims(padding_mask, 1), 1)  # LiteRT lacks `tf.newaxis`
    if not config.causal:
        return attended  # (batch, 1, 1, length)
    places = tf.range(length)
    back = tf.expand_dims(places, 1) - places  # (length of queries, length of keys)
    near = (back >= 0) & (back < window) if window else back >= 0
    return attended & near  # (batch, 1, length, length)


def _product(x: tf.Tensor, dense: Weights) -> tf.Tensor:  # (rows, columns) → (rows, width)
    kernel, *bias = dense
    product = tf.matmul(x, kernel)
    return tf.nn.bias_add(product, *bias) if bias else product


def _gelu(x: tf.Tensor, approximate: bool) -> tf.Tensor:
    """Hendrycks & Gimpel, 2016: `x * Φ(x)`, in a form that LiteRT has an operation for.

    TensorFlow's own form uses `erfc` and takes twice as long.
    """
    if approximate:
        return tf.nn.gelu(x, approximate=True)
    return (0.5 * x) * (1.0 + tf.math.erf(x * math.sqrt(0.5)))


@tf.custom_gradient
def _trained_gelu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """`_gelu` by erf for training: two tensors are kept for the backward pass rather than three.

    d/dx x Φ(x) = Φ(x) + x φ(x); with t = x / √2, the last term is t exp(-t²) / √π.
    """
    t = x * math.sqrt(0.5)
    share = 0.5 * tf.math.erf(t) + 0.5
    return x * share, lambda dy: dy * (share + t * math.pi**-0.5 * tf.exp(-tf.square(t)))


def _trained_normalized(inputs: tf.Tensor, norm: Weights, epsilon: float) -> tf.Tensor:
    """`normalized` for training, `(rows, hidden)`: one tensor is kept for the backward pass.

    Ba et al., 2016, "Layer normalization".
    """

    @tf.custom_gradient
    def normalize(
        x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Weights]]:
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        scale = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True) + epsilon)
        standard = centred * scale  # (rows, hidden)

        def back(dy: tf.Tensor) -> Weights:
            scaled = dy * gamma  # (rows, hidden)
            mean = tf.reduce_mean(scaled, axis=-1, keepdims=True)  # (rows, 1)
            along = tf.reduce_mean(scaled * standard, axis=-1, keepdims=True)  # (rows, 1)
            dx = (scaled - mean - standard * along) * scale
            return dx, tf.reduce_sum(dy * standard, axis=0), tf.reduce_sum(dy, axis=0)

        return standard * gamma + beta, back

    result = normalize(*(tf.cast(tensor, tf.float32) for tensor in (inputs, *norm)))
    return tf.cast(result, inputs.dtype)
