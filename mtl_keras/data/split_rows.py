"""Compares the rows of splits by digests: which texts are equal or nearly equal, which labels not.

For each row, 24 bytes are held.
"""

import array
import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mtl_keras.data.file_formats import locate
from mtl_keras.data.near_texts import is_near_empty, letters_of
from mtl_keras.data.split_sources import Source
from mtl_keras.data.task_dataset import TaskDataset

MOST_PLACES = 3  # that are reported
HASH_BITS = (1 << 32) - 1  # of a label's hash


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


def rows_of(dataset: TaskDataset, split: str) -> Rows:
    """Reads a split once.

    Raises:
        InputError: a row does not fit the format or the kind.
    """
    texts, letters = array.array("q"), array.array("q")
    labels, lines = array.array("I"), array.array("I")
    paths: list[Source] = []
    starts: list[int] = []
    empty: list[int] = []
    empty_count = 0
    for path, line, (text, label, _) in dataset.placed_examples(split):
        if not paths or path is not paths[-1]:
            paths.append(path)
            starts.append(len(texts))
        stripped = text.strip()
        plain = letters_of(stripped)
        if is_near_empty(stripped, plain):
            empty_count += 1
            empty += [len(texts)] if empty_count <= MOST_PLACES else []
        text_hash = hash(stripped)
        texts.append(text_hash)
        letters.append(hash(plain) if plain else text_hash)
        labels.append(hash(repr(label)) & HASH_BITS)
        lines.append(line)
    return Rows(
        texts=np.frombuffer(texts, np.int64),
        letters=np.frombuffer(letters, np.int64),
        labels=np.frombuffer(labels, np.uint32),
        lines=np.frombuffer(lines, np.uint32),
        near_empty=empty,
        near_empty_count=empty_count,
        paths=paths,
        starts=starts,
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
    texts = np.concatenate([rows.texts for rows in splits])
    labels = np.concatenate([rows.labels for rows in splits])
    order = np.lexsort((labels, texts))
    ordered, given = texts[order], labels[order]
    is_same = ordered[1:] == ordered[:-1]
    contradicted = np.unique(ordered[1:][is_same & (given[1:] != given[:-1])])
    distinct = int(len(texts) - np.count_nonzero(is_same))
    rows = np.flatnonzero(_is_among(texts, contradicted))
    _, firsts = np.unique(texts[rows], return_index=True)
    places = []
    for first in rows[np.sort(firsts)[:MOST_PLACES]]:
        other = int(np.argmax((texts == texts[first]) & (labels != labels[first])))
        places.append((_place(splits, first), _place(splits, other)))
    return Equals(len(contradicted), distinct, tuple(places))


def _is_among(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether each value is one of the others, bool `(values,)`; holds the others once more."""
    if not len(others):
        return np.zeros(len(values), bool)
    ordered = np.sort(others)
    places = np.searchsorted(ordered, values)
    np.minimum(places, len(ordered) - 1, out=places)
    among: np.ndarray = ordered[places] == values
    return among


def _pairs(first: Rows, second: Rows, digest: str, among: np.ndarray) -> Equals:
    rows = np.flatnonzero(among)
    of_first, of_second = getattr(first, digest), getattr(second, digest)
    places = []
    for row in rows[:MOST_PLACES]:
        other = int(np.argmax(of_first == of_second[row]))
        places.append((second.place(row), first.place(other)))
    return Equals(len(rows), len(second.texts), tuple(places))


def _place(splits: Sequence[Rows], row: int) -> str:
    """The place of a row, counted over all splits together."""
    for rows in splits:
        if row < len(rows.texts):
            return rows.place(row)
        row -= len(rows.texts)
    raise IndexError(row)
