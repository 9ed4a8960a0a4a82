"""An example (a text and its label), and the error for a row that cannot be one."""

from collections.abc import Sequence
from typing import NamedTuple


class Example(NamedTuple):
    """A text and what a model is to predict from it.

    Args:
        text: as in the file; if words are labelled, the words, joined by blanks.
        label: for classification the index of the class; for regression the number; for multilabel
            the sorted indices of the classes; for tagging the index in `Task.classes` of each
            word's BIO tag; for token_labels the index of each word's class.
        words: the words, if words are labelled.
    """

    text: str
    label: int | float | tuple[int, ...]
    words: tuple[str, ...] = ()


class RowError(Exception):
    """What is wrong with a row, without its file and line.

    Args:
        message: what was received, what was expected, the cure.
        part: the faulty part of the row: `text` or `label`.
        word: index of the faulty word.

    Attributes:
        others: the faults of further words of the row.
    """

    def __init__(self, message: str, *, part: str = "label", word: int = 0):
        super().__init__(message)
        self.part = part
        self.word = word
        self.others: Sequence[RowError] = ()


def raise_first(faults: Sequence[RowError]) -> None:
    """Raises the first fault, which then holds the others; nothing if there is none."""
    if faults:
        faults[0].others = faults[1:]
        raise faults[0]
