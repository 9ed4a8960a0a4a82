"""The frozen layers of a model as a function, and a digest of their weights."""

import functools
import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.models.frozen_prefix import groups_up_to, output_of
from mtl_keras.models.multi_task_model import MultiTaskModel

Encode = Callable[[np.ndarray, np.ndarray], Mapping[str, tf.Tensor]]


def encoding(model: MultiTaskModel, source: str | None, levels: Sequence[str]) -> Encode:
    """Returns the function from token ids, or features at a lower level, to features.

    Args:
        model: whose encoder it is.
        source: the level that it starts from; None: token ids `(batch, length)`.
        levels: of the features, all above the source.

    Returns:
        A function of the inputs and of the padding mask `(batch, length)` that returns level →
        features, float32, `(batch, length, hidden)` or, for sentence embeddings,
        `(batch, hidden)`. Dropout is off.
    """
    ids, mask = (model.encoder.transformer.input[name] for name in ("token_ids", "padding_mask"))
    first = output_of(model.encoder, source) if source else ids
    network = keras.Model(
        [first, mask], {level: output_of(model.encoder, level) for level in levels}
    )

    def step(inputs: tf.Tensor, padding_mask: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = network([inputs, padding_mask], training=False)
        return {level: tf.cast(features, tf.float32) for level, features in outputs.items()}

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in (first, mask)]
    # Of a partial, as in `ForwardPass`: TensorFlow counts the graphs of a closure together.
    graph = tf.function(functools.partial(step), input_signature=signature, autograph=False)
    return lambda inputs, padding_mask: graph(tf.cast(inputs, first.dtype), padding_mask)


def weights_digest(model: MultiTaskModel, level: str) -> bytes:
    """Returns a digest of the encoder's weights up to a level."""
    digest = hashlib.sha256()
    groups = model.layer_groups
    layers = itertools.chain.from_iterable(groups[name] for name in groups_up_to(model, level))
    for layer in layers:
        for weight in layer.weights:
            digest.update(np.ascontiguousarray(weight.numpy()).data)
    return digest.digest()
