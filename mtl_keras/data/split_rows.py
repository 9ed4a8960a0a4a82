"""Compares the rows of splits by digests: which texts are equal, and which labels differ."""

import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mtl_keras.data.file_formats import locate
from mtl_keras.data.split_sources import Source
from mtl_keras.data.task_dataset import TaskDataset

MOST_PLACES = 3  # that are reported


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a split, in order; all arrays are `(rows,)`.

    Args:
        texts: hashes of the stripped texts, valid in this process only.
        labels: hashes of the labels, likewise.
        files: each row's index in `paths`.
        lines: each row's line.
        paths: of the files.
    """

    texts: np.ndarray
    labels: np.ndarray
    files: np.ndarray
    lines: np.ndarray
    paths: Sequence[Source]

    def place(self, row: int) -> str:
        """`file:line` of a row."""
        return locate(self.paths[self.files[row]], int(self.lines[row]), part="text")


class Equals(NamedTuple):
    """How many texts of how many are equal, and the places of the first pairs."""

    number: int
    of: int
    places: tuple[tuple[str, ...], ...]


def rows_of(dataset: TaskDataset, split: str) -> Rows:
    """Reads a split once.

    Raises:
        InputError: a row does not fit the format or the kind.
    """
    texts, labels = array.array("q"), array.array("q")
    files, lines = array.array("i"), array.array("q")
    paths: dict[Source, int] = {}
    for path, line, example in dataset.placed_examples(split):
        texts.append(hash(example.text.strip()))
        labels.append(hash(repr(example.label)))
        files.append(paths.setdefault(path, len(paths)))
        lines.append(line)
    return Rows(
        texts=np.array(texts, np.int64),
        labels=np.array(labels, np.int64),
        files=np.array(files, np.int64),
        lines=np.array(lines, np.int64),
        paths=list(paths),
    )


def shared(first: Rows, second: Rows) -> Equals:
    """How many rows of the second split have a text of the first. In the pairs, the second split's
    row comes first.
    """
    equal = np.flatnonzero(np.isin(second.texts, first.texts))
    places = []
    for row in equal[:MOST_PLACES]:
        other = int(np.argmax(first.texts == second.texts[row]))
        places.append((second.place(row), first.place(other)))
    return Equals(len(equal), len(second.texts), tuple(places))


def contradictions(splits: Sequence[Rows]) -> Equals:
    """How many distinct texts have different labels in all these rows, and pairs of such rows."""
    texts, labels = (
        np.concatenate([getattr(rows, name) for rows in splits]) for name in ("texts", "labels")
    )
    order = np.lexsort((labels, texts))
    ordered, given = texts[order], labels[order]
    differs = np.flatnonzero((ordered[1:] == ordered[:-1]) & (given[1:] != given[:-1]))
    contradicted = np.unique(ordered[differs])
    rows = np.flatnonzero(np.isin(texts, contradicted))
    _, firsts = np.unique(texts[rows], return_index=True)
    places = []
    for first in rows[np.sort(firsts)[:MOST_PLACES]]:
        other = int(np.argmax((texts == texts[first]) & (labels != labels[first])))
        places.append((_place(splits, first), _place(splits, other)))
    return Equals(len(contradicted), len(np.unique(texts)), tuple(places))


def _place(splits: Sequence[Rows], row: int) -> str:
    """The place of a row, counted over all splits together."""
    for rows in splits:
        if row < len(rows.texts):
            return rows.place(row)
        row -= len(rows.texts)
    raise IndexError(row)
