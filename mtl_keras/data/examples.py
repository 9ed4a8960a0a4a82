"""A text with what is to be predicted from it, and what is wrong with a row."""

from typing import NamedTuple


class Example(NamedTuple):
    """A text and what is to be predicted from it.

    Args:
        text: as the file has it; if words are labelled, the words, joined by a blank.
        label: what the task's kind makes of it: index of the class; for regression the number;
            for multilabel the sorted indices of the classes; for tagging the index in
            `Task.classes` of each word's BIO tag; for token_labels the index of each word's class.
        words: if words are labelled, the words.
    """

    text: str
    label: int | float | tuple[int, ...]
    words: tuple[str, ...] = ()


class RowError(Exception):
    """What is wrong with a row, without its place.

    Args:
        message: what came, what was expected, the cure.
        part: whether it is the row's `text` or its `label`.
        word: which word of the row it is.
    """

    def __init__(self, message: str, *, part: str = "label", word: int = 0):
        super().__init__(message)
        self.part = part
        self.word = word
