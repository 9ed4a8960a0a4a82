"""Compares the rows of splits by digests: which texts are equal or nearly equal, which labels not.

For each row, 24 bytes are held.
"""

import array
import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mtl_keras.data.examples import Example
from mtl_keras.data.file_formats import locate
from mtl_keras.data.near_texts import is_near_empty, letters_of
from mtl_keras.data.split_sources import Source
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task_dataset import TaskDataset

MOST_PLACES = 3  # that are reported
HASH_BITS = (1 << 32) - 1  # of a label's hash
BLOCK = 1 << 16  # values that are looked up at once


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a split, in order; all arrays are `(rows,)`.

    Args:
        texts: int64, hashes of the stripped texts, valid in this process only.
        letters: int64, hashes of the texts' letters, likewise.
        labels: uint32, hashes of the labels, likewise.
        lines: uint32, each row's line.
        near_empty: the first rows whose texts are nearly empty.
        near_empty_count: how many there are.
        paths: of the files.
        starts: the first row of each file.
    """

    texts: np.ndarray
    letters: np.ndarray
    labels: np.ndarray
    lines: np.ndarray
    near_empty: Sequence[int]
    near_empty_count: int
    paths: Sequence[Source]
    starts: Sequence[int]

    def place(self, row: int) -> str:
        """`file:line` of a row."""
        path = self.paths[bisect.bisect_right(self.starts, row) - 1]
        return locate(path, int(self.lines[row]), part="text")


class Equals(NamedTuple):
    """How many texts of how many are equal, and the places of the first rows or pairs."""

    number: int
    of: int
    places: tuple[tuple[str, ...], ...]


def rows_of(dataset: TaskDataset) -> dict[str, Rows]:
    """Split → its rows, of the splits that were read. Reads each file once.

    Raises:
        InputError: a row does not fit the format or the kind.
    """
    digests = {split: _Digests() for split in SPLITS if split in dataset.counts}
    for split, (path, line, example) in dataset.placed_in_splits():
        digests[split].add(path, line, example)
    return {split: of_split.rows() for split, of_split in digests.items()}


class _Digests:
    """Collects the rows of a split."""

    def __init__(self) -> None:
        self._texts, self._letters = array.array("q"), array.array("q")
        self._labels, self._lines = array.array("I"), array.array("I")
        self._paths: list[Source] = []
        self._starts: list[int] = []
        self._empty: list[int] = []
        self._empty_count = 0

    def add(self, path: Source, line: int, example: Example) -> None:
        """Adds a row."""
        if not self._paths or path is not self._paths[-1]:
            self._paths.append(path)
            self._starts.append(len(self._texts))
        text = example.text.strip()
        letters = letters_of(text)
        if is_near_empty(text, letters):
            self._empty_count += 1
            if len(self._empty) < MOST_PLACES:
                self._empty.append(len(self._texts))
        text_hash = hash(text)
        self._texts.append(text_hash)
        self._letters.append(hash(letters) if letters else text_hash)
        self._labels.append(hash(repr(example.label)) & HASH_BITS)
        self._lines.append(line)

    def rows(self) -> Rows:
        """The rows that were added."""
        return Rows(
            texts=np.frombuffer(self._texts, np.int64),
            letters=np.frombuffer(self._letters, np.int64),
            labels=np.frombuffer(self._labels, np.uint32),
            lines=np.frombuffer(self._lines, np.uint32),
            near_empty=self._empty,
            near_empty_count=self._empty_count,
            paths=self._paths,
            starts=self._starts,
        )


def shared(first: Rows, second: Rows) -> Equals:
    """How many rows of the second split have a text of the first. In the pairs, the second split's
    row comes first.
    """
    return _pairs(first, second, "texts", _is_among(second.texts, first.texts))


def similar(first: Rows, second: Rows) -> Equals:
    """How many rows of the second split have the letters of a text of the first, but no text of the
    first. In the pairs, the second split's row comes first.
    """
    among = _is_among(second.letters, first.letters) & ~_is_among(second.texts, first.texts)
    return _pairs(first, second, "letters", among)


def near_empty(rows: Rows) -> Equals:
    """How many rows have fewer than two letters and digits."""
    places = tuple((rows.place(row),) for row in rows.near_empty)
    return Equals(rows.near_empty_count, len(rows.texts), places)


def contradictions(splits: Sequence[Rows]) -> Equals:
    """How many distinct texts have different labels in all these rows, and pairs of such rows."""
    distinct, kept = _repeated(splits)
    texts = np.concatenate([rows.texts[at] for rows, at in zip(splits, kept, strict=True)])
    labels = np.concatenate([rows.labels[at] for rows, at in zip(splits, kept, strict=True)])
    order = np.lexsort((labels, texts))
    ordered, given = texts[order], labels[order]
    differs = (ordered[1:] == ordered[:-1]) & (given[1:] != given[:-1])
    contradicted = np.unique(ordered[1:][differs])
    rows = np.flatnonzero(_is_among(texts, contradicted))
    _, firsts = np.unique(texts[rows], return_index=True)
    places = []
    for first in rows[np.sort(firsts)[:MOST_PLACES]]:
        other = int(np.argmax((texts == texts[first]) & (labels != labels[first])))
        places.append((_place(splits, kept, first), _place(splits, kept, other)))
    return Equals(len(contradicted), distinct, tuple(places))


def _repeated(splits: Sequence[Rows]) -> tuple[int, list[np.ndarray]]:
    """How many distinct texts there are, and the rows of each split whose text occurs again."""
    ordered = np.concatenate([rows.texts for rows in splits])
    ordered.sort()
    is_again = ordered[1:] == ordered[:-1]
    repeated = np.unique(ordered[1:][is_again])
    kept = [np.flatnonzero(_is_among(rows.texts, repeated)) for rows in splits]
    return len(ordered) - int(np.count_nonzero(is_again)), kept


def _is_among(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether each value is one of the others, bool `(values,)`."""
    among = np.zeros(len(values), bool)
    ordered = np.sort(others)
    for start in range(0, len(values) if len(others) else 0, BLOCK):
        block = values[start : start + BLOCK]
        places = np.minimum(np.searchsorted(ordered, block), len(ordered) - 1)
        among[start : start + BLOCK] = ordered[places] == block
    return among


def _pairs(first: Rows, second: Rows, digest: str, among: np.ndarray) -> Equals:
    rows = np.flatnonzero(among)
    of_first, of_second = getattr(first, digest), getattr(second, digest)
    places = []
    for row in rows[:MOST_PLACES]:
        other = int(np.argmax(of_first == of_second[row]))
        places.append((second.place(row), first.place(other)))
    return Equals(len(rows), len(second.texts), tuple(places))


def _place(splits: Sequence[Rows], kept: Sequence[np.ndarray], number: int) -> str:
    """The place of a row, counted over the rows of all splits that are kept."""
    for rows, at in zip(splits, kept, strict=True):
        if number < len(at):
            return rows.place(int(at[number]))
        number -= len(at)
    raise IndexError(number)
