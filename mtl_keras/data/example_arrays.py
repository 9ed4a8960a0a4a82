"""Examples as arrays: their texts, and their words concatenated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mtl_keras.data.examples import Example

if TYPE_CHECKING:
    import tensorflow as tf


def text_array(examples: Sequence[Example]) -> np.ndarray:
    """The texts in UTF-8, `(n,)`."""
    return np.array([example.text.encode() for example in examples], object)


def word_arrays(examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """Label and byte offset of all words, concatenated, and the number of words per example."""
    starts = [start for example in examples for start in word_starts(example.words)]
    labels = [label for example in examples for label in example.label]  # type: ignore[union-attr]
    return {
        "text": text_array(examples),
        "words": np.array([len(example.words) for example in examples], np.int32),  # (n,)
        "word_starts": np.array(starts, np.int32),  # (words of all,)
        "label": np.array(labels, np.int32),  # (words of all,)
    }


def word_starts(words: Sequence[str]) -> Iterable[int]:
    """The byte offset of each word when the words are joined by blanks.

    Example:

    >>> list(word_starts(["né", "à", "x"]))
    [0, 4, 7]
    """
    start = 0
    for word in words:
        yield start
        start += len(word.encode()) + 1


def by_text(chunk: dict[str, tf.Tensor]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """The tensors of `word_arrays` with one row per text: ragged `(n, words)`."""
    import tensorflow as tf

    lengths = tf.cast(chunk["words"], tf.int64)
    ragged = {
        name: tf.RaggedTensor.from_row_lengths(chunk[name], lengths, validate=False)
        for name in ("word_starts", "label")
    }
    return {name: values for name, values in chunk.items() if name != "words"} | ragged


def signature_of(arrays: Mapping[str, np.ndarray]) -> dict[str, tf.TensorSpec]:
    """The types of chunks like these arrays, with any number of examples."""
    import tensorflow as tf

    return {
        name: tf.TensorSpec(
            (None, *array.shape[1:]), tf.string if array.dtype == object else array.dtype
        )
        for name, array in arrays.items()
    }
