"""The vectors that a head reads: one per text or one per word piece."""

import abc
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText, align_labels

Chunk = Mapping[str, Any]  # an element of `TaskDataset.stream`


class Vectors(abc.ABC):
    """The vectors of some texts.

    Attributes:
        output: of the transformer that holds them.
        axes: of labels and weights that count what has a label of its own.
    """

    output: ClassVar[str]
    axes: ClassVar[int]

    @abc.abstractmethod
    def mean_weights(self, values: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Returns weights, of the values' shape, that leave padding out of a batch's mean.

        Args:
            values: `(batch, …)`, of word pieces `(batch, length)`.
            padding_mask: `(batch, length)`, bool, true at word pieces.
        """

    @abc.abstractmethod
    def labels(self, chunk: Chunk) -> list:
        """Returns the labels of a chunk's examples, in order."""

    @abc.abstractmethod
    def word_starts(self, chunk: Chunk) -> list[list[int]]:
        """Returns the first character of each word of a chunk's texts; none of whole texts."""

    @abc.abstractmethod
    def by_example(
        self, chunk: Chunk, tokenized: TokenizedText, outputs: list[np.ndarray]
    ) -> tuple[list, list[np.ndarray]]:
        """Returns labels and outputs of a chunk's examples, in order; of words a row per word.

        Args:
            chunk: of the dataset.
            tokenized: the chunk's texts.
            outputs: the head's, an array a text; of words a row for each word piece.
        """

    def training_rows(
        self, chunk: Chunk, tokenized: TokenizedText, vectors: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns vectors `(rows, hidden)` and labels `(rows, …)`; truncated words have no row.

        Args:
            chunk: of the dataset.
            tokenized: the chunk's texts.
            vectors: an array a text, of words `(pieces, hidden)`.
        """
        positions, _, labels = self.counted(chunk, tokenized)
        return self.joined(vectors)[positions], labels

    @abc.abstractmethod
    def counted(
        self, chunk: Chunk, tokenized: TokenizedText
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Finds the vectors that have a label: of texts all, of words the first pieces.

        Returns:
            Their positions among all texts' vectors, one text after the other, `(rows,)`; the text
            of each, `(rows,)`; their labels, `(rows, …)`.
        """

    @abc.abstractmethod
    def by_text(self, vectors: np.ndarray, tokenized: TokenizedText) -> list[np.ndarray]:
        """Splits all texts' vectors `(vectors, …)`, in order, into an array per text."""

    @abc.abstractmethod
    def at_words(self, outputs: np.ndarray, first_pieces: Sequence[int]) -> np.ndarray:
        """Returns the outputs of a text that count: all, or those at each word's first piece.

        Args:
            outputs: the head's, of one text.
            first_pieces: position of each word's first piece.
        """

    @abc.abstractmethod
    def averaged(
        self, chunk: Chunk, tokenized: TokenizedText, pieces: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Averages the vectors of word pieces, without special pieces and white space.

        Args:
            chunk: of the dataset.
            tokenized: the chunk's texts.
            pieces: an array `(pieces, width)` a text.

        Returns:
            An array a text: the mean over it `(width,)`, 0 without a piece; of words
            `(pieces, width)`, where a piece of a word has the mean over the word.
        """

    @abc.abstractmethod
    def split(self, rows: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Splits rows `(rows, …)` into an array per text: undoes `joined` of such arrays."""

    @abc.abstractmethod
    def repeated(self, row: np.ndarray, label: Any) -> np.ndarray:
        """Returns the outputs of an example if all its vectors give the same row.

        Args:
            row: outputs of one vector, `(…)`.
            label: of the example, as `by_example` gives it.
        """

    @abc.abstractmethod
    def joined(self, by_text: Sequence[np.ndarray]) -> np.ndarray:
        """Joins arrays into rows `(rows, …)`: one per text, or one per word of all texts."""


class TextVectors(Vectors):
    """One vector per text: its sentence embedding."""

    output = "sentence_embedding"
    axes = 1

    def mean_weights(self, values: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        return tf.ones_like(values)

    def labels(self, chunk: Chunk) -> list:
        return list(chunk["label"].numpy())

    def word_starts(self, chunk: Chunk) -> list[list[int]]:
        return [[] for _ in chunk["text"]]

    def by_example(
        self, chunk: Chunk, tokenized: TokenizedText, outputs: list[np.ndarray]
    ) -> tuple[list, list[np.ndarray]]:
        return self.labels(chunk), outputs

    def counted(
        self, chunk: Chunk, tokenized: TokenizedText
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        labels = chunk["label"].numpy()
        return np.arange(len(labels)), np.arange(len(labels)), labels

    def by_text(self, vectors: np.ndarray, tokenized: TokenizedText) -> list[np.ndarray]:
        return list(vectors)

    def at_words(self, outputs: np.ndarray, first_pieces: Sequence[int]) -> np.ndarray:
        return outputs

    def averaged(
        self, chunk: Chunk, tokenized: TokenizedText, pieces: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        masks = map(np.array, tokenized.is_text.to_list())
        return [
            vectors[mask].sum(0) / max(1, np.sum(mask))
            for vectors, mask in zip(pieces, masks, strict=True)
        ]

    def repeated(self, row: np.ndarray, label: Any) -> np.ndarray:
        return row

    def joined(self, by_text: Sequence[np.ndarray]) -> np.ndarray:
        return np.array(by_text)

    def split(self, rows: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
        return list(rows)


@dataclass(frozen=True)
class WordVectors(Vectors):
    """One vector per word piece; the first piece of each word counts.

    Args:
        unread: the probability of class 0 that stands for a word without a piece, as those beyond
            `max_length`. 1: it counts as answered by class 0. 0: it counts as not answered.
    """

    unread: float

    output: ClassVar[str] = "sequence_output"
    axes: ClassVar[int] = 2

    def mean_weights(self, values: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        return tf.cast(padding_mask, values.dtype)

    def labels(self, chunk: Chunk) -> list:
        return list(chunk["label"].to_list())

    def word_starts(self, chunk: Chunk) -> list[list[int]]:
        rows = zip(chunk["text"].numpy(), chunk["word_starts"].to_list(), strict=True)
        return [_in_characters(text, starts) for text, starts in rows]

    def by_example(
        self, chunk: Chunk, tokenized: TokenizedText, outputs: list[np.ndarray]
    ) -> tuple[list, list[np.ndarray]]:
        labels = self.labels(chunk)
        _, first = align_labels(tokenized, chunk["word_starts"], chunk["label"])
        words = _words_of_pieces(tokenized.starts, chunk["word_starts"])
        rows = zip(outputs, first.to_list(), words, labels, strict=True)
        return labels, [self._by_word(*row[:3], len(row[3])) for row in rows]

    def counted(
        self, chunk: Chunk, tokenized: TokenizedText
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        labels, first = align_labels(tokenized, chunk["word_starts"], chunk["label"])
        positions = np.flatnonzero(first.values.numpy())
        texts = first.value_rowids().numpy()[positions]
        return positions, texts, labels.values.numpy()[positions]

    def by_text(self, vectors: np.ndarray, tokenized: TokenizedText) -> list[np.ndarray]:
        return np.split(vectors, tokenized.token_ids.row_splits.numpy()[1:-1])

    def at_words(self, outputs: np.ndarray, first_pieces: Sequence[int]) -> np.ndarray:
        return outputs[first_pieces]

    def averaged(
        self, chunk: Chunk, tokenized: TokenizedText, pieces: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        words = _words_of_pieces(tokenized.starts, chunk["word_starts"])
        masks = tokenized.is_text.to_list()
        return [
            _means_of_groups(vectors, np.where(mask, of_pieces, -1))
            for vectors, of_pieces, mask in zip(pieces, words, masks, strict=True)
        ]

    def repeated(self, row: np.ndarray, label: Any) -> np.ndarray:
        return np.tile(row, (len(label), 1))  # (words, classes)

    def joined(self, by_text: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(by_text)

    def split(self, rows: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
        return np.split(rows, np.cumsum([len(of_text) for of_text in like])[:-1])

    def _by_word(
        self, outputs: np.ndarray, begins: Sequence[bool], words: np.ndarray, count: int
    ) -> np.ndarray:
        """Returns class probabilities per word, `(count, classes)`, from `(pieces, classes)`."""
        first = np.asarray(begins, bool)
        rows = np.zeros((count, outputs.shape[-1]), np.float32)
        rows[:, 0] = self.unread
        rows[words[first]] = outputs[first]
        return rows


def _in_characters(text: bytes, offsets: Sequence[int]) -> list[int]:
    """Converts ascending byte offsets in a UTF-8 text, all between characters."""
    between = itertools.pairwise([0, *offsets])
    return [*itertools.accumulate(len(text[first:limit].decode()) for first, limit in between)]


def unlike(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Returns which rows `(rows, …)` differ: `(rows,)`, bool."""
    changed = before != after
    return changed.any(axis=tuple(range(1, changed.ndim)))


def _means_of_groups(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Returns for each vector `(n, width)` the mean over its group, given by `groups (n,)`."""
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), vectors.shape[-1]), vectors.dtype)
    np.add.at(sums, group, vectors)
    return (sums / counts[:, np.newaxis])[group]


def _words_of_pieces(starts: tf.RaggedTensor, word_starts: tf.RaggedTensor) -> list[np.ndarray]:
    """Returns the index of each piece's word, one row per text."""
    rows = zip(starts.to_list(), word_starts.to_list(), strict=True)
    return [np.searchsorted(words, pieces, side="right") - 1 for pieces, words in rows]
