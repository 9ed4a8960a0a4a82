"""A text with what is to be predicted from it, and the labels that rows are read against."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from mtl_keras.errors import listed, nearest, shown
from mtl_keras.storage.limits import LABELS

LONGEST_LABEL = 1000  # characters of a label that is found in a file


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


class KnownLabels(dict[str, int]):
    """Label → index, of a list of labels; another one is an error."""

    def __init__(self, labels: Sequence[str]):
        super().__init__({label: index for index, label in enumerate(labels)})

    def __missing__(self, label: str) -> int:
        cure = "correct it, add it to the task's labels, or map it with label_names in columns"
        if label.isdigit() and not any(known.isdigit() for known in self):
            cure = f"say what the file means by it with label_names in columns: {{{label}: …}}"
        raise RowError(
            f"unknown label {shown(label)}; the labels are {listed(self)}"
            f"{nearest(label, self)}; {cure}"
        )


class NewLabels(dict[str, int]):
    """Label → index, in the order in which they are met."""

    def __missing__(self, label: str) -> int:
        if len(label) > LONGEST_LABEL:
            raise RowError(
                f"a label of {len(label):,} characters; the task's labels are found here, each of "
                f"at most {LONGEST_LABEL}: is this the column of the label?"
            )
        if len(self) >= LABELS.most:
            raise RowError(f"this is one of {LABELS}; is this the column of the label?")
        return self.setdefault(label, len(self))


def sorted_labels(labels: Collection[str]) -> list[str]:
    """Labels in order: by value where all are whole numbers, else by character.

    Example:

    >>> sorted_labels({"10", "9"}), sorted_labels({"10", "9", "a"})
    (['9', '10'], ['10', '9', 'a'])
    """
    if all(re.fullmatch(r"-?[0-9]{1,18}", label) for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)
