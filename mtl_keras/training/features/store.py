"""Stores of features: a row per text, or a row per word piece."""

import abc
import functools
import math
import os
import shutil
import tempfile
from dataclasses import dataclass

import numpy as np

from mtl_keras.models.frozen_prefix import SENTENCE

MEMORY, FILE = "memory", "a temporary file"
HALF = np.dtype(np.float16).itemsize
KEPT_FREE = 2**30  # bytes of disk that a file of features leaves free


@dataclass(frozen=True, eq=False)
class Store(abc.ABC):
    """Features of all texts at one level.

    Args:
        values: one text's after the other's, `(rows, hidden)`.
        lengths: word pieces of each text, `(texts,)`.
        fingerprint: of the weights that made them.
        place: where they are.
    """

    values: np.ndarray
    lengths: np.ndarray
    fingerprint: bytes
    place: str

    @staticmethod
    @abc.abstractmethod
    def rows(lengths: np.ndarray) -> int:
        """Returns how many rows texts of these lengths need."""

    @abc.abstractmethod
    def put(self, texts: np.ndarray, features: np.ndarray) -> None:
        """Stores the features of some texts.

        Args:
            texts: their numbers, `(batch,)`.
            features: padded to the longest, `(batch, length, hidden)`, or `(batch, hidden)`.
        """

    @abc.abstractmethod
    def batch(self, texts: np.ndarray, width: int) -> np.ndarray:
        """Returns the features of some texts, in the dtype of the store.

        Args:
            texts: their numbers, `(batch,)`.
            width: to which features of word pieces are padded.

        Returns:
            `(batch, width, hidden)`, or `(batch, hidden)`.
        """


class SentenceStore(Store):
    """A store with a row per text."""

    @staticmethod
    def rows(lengths: np.ndarray) -> int:
        return len(lengths)

    def put(self, texts: np.ndarray, features: np.ndarray) -> None:
        self.values[texts] = features

    def batch(self, texts: np.ndarray, width: int) -> np.ndarray:
        return self.values[texts]


class TokenStore(Store):
    """A store with a row per word piece."""

    @staticmethod
    def rows(lengths: np.ndarray) -> int:
        return int(lengths.sum())

    def put(self, texts: np.ndarray, features: np.ndarray) -> None:
        mask = length_mask(self.lengths[texts])  # (batch, length)
        self.values[self._places(texts)] = features[mask]

    def batch(self, texts: np.ndarray, width: int) -> np.ndarray:
        mask = length_mask(self.lengths[texts], width)  # (batch, width)
        features = np.zeros((*mask.shape, self.values.shape[1]), self.values.dtype)
        features[mask] = self.values[self._places(texts)]
        return features

    def _places(self, texts: np.ndarray) -> np.ndarray:
        """Returns the row numbers of some texts, text by text."""
        starts = self._starts[texts]
        return np.concatenate(
            [np.arange(s, s + n) for s, n in zip(starts, self.lengths[texts], strict=True)]
        )

    @functools.cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum(self.lengths) - self.lengths


def store_kind(level: str) -> type[Store]:
    """Returns the kind of store for the features of a level."""
    return SentenceStore if level == SENTENCE else TokenStore


def make_store(
    level: str, lengths: np.ndarray, hidden_dim: int, fingerprint: bytes, *, memory: int
) -> Store | None:
    """Returns an empty store, in memory or else in a temporary file; None if neither has room.

    Args:
        level: whose features (`frozen_prefix`).
        lengths: word pieces of each text.
        hidden_dim: numbers a row.
        fingerprint: of the weights that will make them.
        memory: bytes that it may take; in float32, or float16 if that is too much.
    """
    kind = store_kind(level)
    shape = (kind.rows(lengths), hidden_dim)
    for dtype in (np.float32, np.float16):
        if math.prod(shape) * np.dtype(dtype).itemsize <= memory:
            return kind(np.zeros(shape, dtype), lengths, fingerprint, MEMORY)
    values = _in_file(shape)
    return None if values is None else kind(values, lengths, fingerprint, FILE)


def free_disk() -> int:
    """Returns how many bytes temporary files may take."""
    return shutil.disk_usage(tempfile.gettempdir()).free - KEPT_FREE


def length_mask(lengths: np.ndarray, width: int | None = None) -> np.ndarray:
    """Returns a mask `(texts, width)`, true at word pieces; by default as wide as the longest."""
    return np.arange(width or lengths.max())[np.newaxis] < lengths[:, np.newaxis]


def _in_file(shape: tuple[int, int]) -> np.ndarray | None:
    """Returns a float16 array in a temporary file without a name; None if the disk is full."""
    size = shape[0] * shape[1] * HALF
    if size > free_disk():
        return None
    with tempfile.TemporaryFile() as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk shows now, not while writing
        except OSError:
            return None
        return np.memmap(file, np.float16, "r+", shape=shape)
