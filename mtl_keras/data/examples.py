"""What a row of a file means for its task's kind: text and label → an example, arrays of examples.

A kind is a class without state: how a row becomes an `Example`, which labels an example counts
for, and the arrays that a chunk of examples makes.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from mtl_keras.data.file_formats import split_words
from mtl_keras.data.task import is_tag, split_tag, to_bio
from mtl_keras.errors import InputError, listed, nearest, shown

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class Example(NamedTuple):
    """A text and what is to be predicted from it.

    Args:
        text: as the file has it; for tagging the words, joined by a blank.
        label: index of the class; for regression the number; for multilabel the sorted indices of
            the classes; for tagging the index in `Task.classes` of each word's BIO tag.
        words: for tagging, the words.
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


class Kind(Protocol):
    """How examples of a kind of task come from rows, and become arrays."""

    def example(
        self, text: Any, label: Any, label_names: Mapping[str, str], index: dict[str, int]
    ) -> Example:
        """The example in a row. Raises `RowError`."""

    def counted(self, label: Any) -> Iterable[int]:
        """Indices of the labels that an example's label counts for."""

    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        """The chunk that `TaskDataset.stream` gives; what is ragged as values and `words`."""


class Classification:
    """One label. A string or a number."""

    def example(self, text, label, label_names, index):
        return Example(_text(text), index[_name(label, label_names)])

    def counted(self, label):
        return (label,)

    def arrays(self, examples, num_classes):
        labels = np.array([example.label for example in examples], np.int32)
        return {"text": _bytes(examples), "label": labels}


class Multilabel:
    """Any number of labels: a list, or a string with `|` between them."""

    def example(self, text, label, label_names, index):
        if isinstance(label, str):
            label = [part for part in label.split("|") if part.strip()]
        if not isinstance(label, list):
            raise RowError(f"expected a list of labels, or 'a|b'. Received: {shown(label)}")
        return Example(
            _text(text), tuple(sorted({index[_name(each, label_names)] for each in label}))
        )

    def counted(self, label):
        return label

    def arrays(self, examples, num_classes):
        labels = np.zeros((len(examples), num_classes), np.float32)
        for row, example in enumerate(examples):
            labels[row, list(example.label)] = 1.0
        return {"text": _bytes(examples), "label": labels}


class Regression:
    """A number, finite in float32."""

    def example(self, text, label, label_names, index):
        return Example(_text(text), _number(label))

    def counted(self, label):
        return ()

    def arrays(self, examples, num_classes):
        labels = np.array([example.label for example in examples], np.float32)
        return {"text": _bytes(examples), "label": labels}


class Tagging:
    """Words and as many tags, of any scheme: lists, or strings with blanks between."""

    def example(self, text, label, label_names, index):
        words, tags = _words(text), _tags(label, label_names)
        if len(words) != len(tags):
            raise RowError(
                f"{len(words)} words and {len(tags)} tags; expected a tag for every word"
            )
        return Example(" ".join(words), _tag_indices(to_bio(tags), index), words)

    def counted(self, label):
        return ((tag - 1) // 2 for tag in label if tag % 2)

    def arrays(self, examples, num_classes):
        starts = [start for example in examples for start in _word_starts(example.words)]
        return {
            "text": _bytes(examples),
            "words": np.array([len(example.words) for example in examples], np.int32),
            "word_starts": np.array(starts, np.int32),
            "label": np.array([tag for example in examples for tag in example.label], np.int32),
        }


KINDS: dict[str, Kind] = {
    "classification": Classification(),
    "multilabel": Multilabel(),
    "regression": Regression(),
    "tagging": Tagging(),
}


def span_types(labels: Sequence[str]) -> tuple[str, ...]:
    """Span types of a tagging task's labels, which may also be listed as tags.

    Example:

    >>> span_types(["O", "B-city", "I-city", "B-product"])
    ('city', 'product')
    """
    spans = [label for label in labels if label != "O"]
    if all(map(is_tag, spans)):
        spans = [split_tag(label)[1] for label in spans]
    return tuple(dict.fromkeys(spans))


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise RowError(f"the text must be a string. Received: {shown(text)}", part="text")
    if not text or text.isspace():
        raise RowError("the text is empty; fill it in or remove the row", part="text")
    return text


def _name(label: Any, label_names: Mapping[str, str]) -> str:
    if not isinstance(label, str):
        if not isinstance(label, int | float):
            raise RowError(f"a label must be a string or a number. Received: {shown(label)}")
        label = str(label)
    label = label.strip()
    if not label:
        raise RowError("the row has no label; fill it in or remove the row")
    return label_names.get(label, label)


def _number(label: Any) -> float:
    try:
        if isinstance(label, bool) or not isinstance(label, str | int | float) or "_" in str(label):
            raise ValueError
        number = float(label)
    except (ValueError, OverflowError):
        raise RowError(f"expected a number, such as 3.5. Received: {shown(label)}") from None
    if not abs(number) <= LARGEST_FLOAT32:
        raise RowError(f"expected a finite number. Received: {shown(label)}")
    return number


def _words(text: Any) -> tuple[str, ...]:
    words = split_words(text) if isinstance(text, str) else text
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise RowError(
            f"expected a list of words, or a string. Received: {shown(text)}", part="text"
        )
    if not words:
        raise RowError("the text is empty; fill it in or remove the row", part="text")
    for place, word in enumerate(words):
        if not word or word.isspace():
            raise RowError(f"word {place + 1} is empty; fill it in", part="text", word=place)
    return tuple(words)


def _tags(label: Any, label_names: Mapping[str, str]) -> list[str]:
    tags = split_words(label) if isinstance(label, str) else label
    if not isinstance(tags, list | tuple):
        raise RowError(f"expected a list of tags, or a string. Received: {shown(label)}")
    found = []
    for place, tag in enumerate(tags):
        try:
            found.append(_tag(_name(tag, label_names), label_names))
        except InputError as error:
            raise RowError(str(error), word=place) from None
        except RowError as error:
            raise RowError(str(error), word=place) from None
    return found


def _tag(tag: str, label_names: Mapping[str, str]) -> str:
    prefix, span_type = split_tag(tag)
    return f"{prefix}-{label_names[span_type]}" if span_type in label_names else tag


def _tag_indices(tags: Sequence[str], index: dict[str, int]) -> tuple[int, ...]:
    """Indices in `Task.classes` of BIO tags: 0 is `O`, then `B-` and `I-` of each type."""
    found = []
    for place, tag in enumerate(tags):
        try:
            found.append(0 if tag == "O" else 2 * index[tag[2:]] + (1 if tag[0] == "B" else 2))
        except RowError as error:
            raise RowError(str(error), word=place) from None
    return tuple(found)


def _bytes(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.text.encode() for example in examples], object)


def _word_starts(words: Sequence[str]) -> Iterable[int]:
    """Byte offset of each word in the words joined by a blank."""
    start = 0
    for word in words:
        yield start
        start += len(word.encode()) + 1
