"""A network's answers to batches of any shape, from one graph."""

import functools
from collections.abc import Mapping, Sequence, Set
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.encoders.texts import checked_texts
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.models.frozen_prefix import FEATURES

Batch = Mapping[str, np.ndarray]  # of a network's inputs, or of its outputs, by name


class ForwardPass:
    """Computes a network's outputs for a batch, without dropout.

    `predict_on_batch` of Keras makes a graph for most new shapes, and again in each new network;
    here batch and length are open from the start, so that a network has one graph for each set
    of inputs.

    Args:
        network: takes and gives a dict.

    Example:

    >>> token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    >>> network = keras.Model({"token_ids": token_ids}, {"twice": 2 * token_ids})
    >>> ForwardPass(network)({"token_ids": np.array([[1, 2]], np.int32)})
    {'twice': array([[2, 4]], dtype=int32)}
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._graphs: dict[frozenset[str], tf.types.experimental.GenericFunction] = {}

    def __call__(self, batch: Batch) -> dict[str, np.ndarray]:
        """Returns the outputs of arrays `(batch, length, …)` or `(batch, …)`, both by name."""
        names = frozenset(batch)
        if names not in self._graphs:
            self._graphs[names] = _graph(self._network, batch)
        outputs = self._graphs[names](dict(batch))
        return {name: tensor.numpy() for name, tensor in outputs.items()}


def encoded(x: Any, tokenizer: Tokenizer) -> Any:
    """The inputs of a network for some strings; arrays by name, and datasets, are returned.

    Returns:
        `token_ids`, `padding_mask`, both `(batch, length)`; `length` is that of the longest text.

    Raises:
        InputError: what is neither; an item that is no text is named.
    """
    if isinstance(x, Mapping) or (x is not None and not holds_arrays(x)):
        return x
    texts = checked_texts(x)
    token_ids = tokenizer(tf.constant(texts, tf.string, (len(texts),))).token_ids
    padding_mask = tf.sequence_mask(token_ids.row_lengths())
    return {"token_ids": token_ids.to_tensor(), "padding_mask": padding_mask}


def are_texts(x: Any) -> bool:
    """Returns whether `x` is text: a string, or strings in an array or a list."""
    if isinstance(x, list | tuple):
        return not x or isinstance(x[0], str | bytes)
    dtype = getattr(x, "dtype", None)
    is_numpy_text = getattr(dtype, "kind", None) in ("U", "S", "O")
    return isinstance(x, str | bytes) or dtype == tf.string or is_numpy_text


def holds_arrays(x: Any) -> bool:
    """Returns whether `x` holds whole arrays, not a dataset or another source of batches."""
    whole = Mapping | Sequence | Set | np.ndarray | tf.Tensor
    return isinstance(x, whole) or hasattr(x, "__array__")


def _graph(network: keras.Model, batch: Batch) -> tf.types.experimental.GenericFunction:
    """Made of a partial: TensorFlow counts the graphs of a method or closure over all networks,
    and would take several networks of one graph each for one that is traced again and again.
    """
    step = functools.partial(network.predict_step)
    return tf.function(step, input_signature=[_open(batch)], autograph=False)


def _open(batch: Batch) -> dict[str, tf.TensorSpec]:
    """Returns specs with open batch and length; features keep their width."""
    return {
        name: tf.TensorSpec(
            [None] * (array.ndim - 1) + [array.shape[-1] if name == FEATURES else None], array.dtype
        )
        for name, array in batch.items()
    }
