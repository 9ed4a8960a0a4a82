"""Examples as arrays: their texts, and their words in one row."""

from collections.abc import Iterable, Sequence

import numpy as np

from mtl_keras.data.examples import Example


def text_array(examples: Sequence[Example]) -> np.ndarray:
    """The texts in UTF-8, `(n,)`."""
    return np.array([example.text.encode() for example in examples], object)


def word_arrays(examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """Label and first byte of all words in one row, and of each example how many it has."""
    starts = [start for example in examples for start in word_starts(example.words)]
    labels = [label for example in examples for label in example.label]  # type: ignore[union-attr]
    return {
        "text": text_array(examples),
        "words": np.array([len(example.words) for example in examples], np.int32),  # (n,)
        "word_starts": np.array(starts, np.int32),  # (words of all,)
        "label": np.array(labels, np.int32),  # (words of all,)
    }


def word_starts(words: Sequence[str]) -> Iterable[int]:
    """Byte offset of each word in the words joined by a blank.

    Example:

    >>> list(word_starts(["né", "à", "x"]))
    [0, 4, 7]
    """
    start = 0
    for word in words:
        yield start
        start += len(word.encode()) + 1
