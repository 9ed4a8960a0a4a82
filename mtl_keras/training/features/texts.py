"""The distinct texts of some files, and a look-up by a digest of their word pieces."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.length_sorting import length_sorted_batches
from mtl_keras.encoders.tokenizers.wordpiece import Tokenizer
from mtl_keras.training.features.store import length_mask

CACHED_SPLITS = ("train", "validation")
TOKENS_PER_PASS = 1024  # word pieces that are encoded at once, padding included
CHUNK = 4096  # texts read at once


@dataclass(frozen=True, eq=False)
class DistinctTexts:
    """Distinct texts, each kept once.

    Args:
        index: digest of a text's word pieces → its number.
        ids: number → its word pieces, `(length,)`.
        lengths: number → how many word pieces it has, `(texts,)`.
    """

    index: Mapping[bytes, int]
    ids: Sequence[np.ndarray]
    lengths: np.ndarray

    @classmethod
    def of(cls, datasets: Iterable[TaskDataset], tokenizer: Tokenizer) -> "DistinctTexts":
        """Returns the training and validation texts of these files."""
        index: dict[bytes, int] = {}
        ids: list[np.ndarray] = []
        for dataset, split in itertools.product(datasets, CACHED_SPLITS):
            for chunk in dataset.stream(split, CHUNK):
                pieces = tokenizer(chunk["text"]).token_ids
                for row in np.split(pieces.values.numpy(), pieces.row_splits.numpy()[1:-1]):
                    key = _digest(row)
                    if key not in index:
                        index[key] = len(ids)
                        ids.append(row.copy())
        return cls(index, ids, np.array([len(row) for row in ids]))

    def numbers(self, token_ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Returns the numbers `(batch,)` of a batch's texts.

        Args:
            token_ids: padded, `(batch, length)`.
            lengths: word pieces of each, `(batch,)`.
        """
        pieces = (row[:length] for row, length in zip(token_ids, lengths, strict=True))
        return np.array([self.index[_digest(row)] for row in pieces], np.int64)

    def passes(self) -> Iterator[np.ndarray]:
        """Yields the texts' numbers, longest first, `TOKENS_PER_PASS` pieces or fewer at a time."""
        return length_sorted_batches(self.lengths, lambda longest: TOKENS_PER_PASS // longest)

    def padded(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns ids `(batch, length)`, int32, and padding mask of these texts."""
        mask = length_mask(self.lengths[numbers])
        ids = np.zeros(mask.shape, np.int32)
        ids[mask] = np.concatenate([self.ids[number] for number in numbers])
        return ids, mask


def _digest(token_ids: np.ndarray) -> bytes:
    return hashlib.blake2b(token_ids.tobytes(), digest_size=16).digest()
