"""What a task's kind means without tensors: its labels, rows and metrics. One value per kind.

Other code does not ask which kind a task has, but asks this value. What a kind means with tensors
is in `models.kinds`.
"""

import abc
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from mtl_keras.data.answer_forms import LABEL, LABELS, NUMBER, PASSAGES, AnswerForm
from mtl_keras.data.cells import (
    as_list,
    as_listed,
    for_each_word,
    read_marks,
    read_number,
    read_text,
    read_words,
)
from mtl_keras.data.character_spans import are_spans, read_spans
from mtl_keras.data.constant_answers import (
    BestLabels,
    ConstantRule,
    MeanNumber,
    MostFrequentLabel,
    NoSpan,
)
from mtl_keras.data.example_arrays import text_array, word_arrays
from mtl_keras.data.examples import Example, RowError
from mtl_keras.data.labels import LabelReader
from mtl_keras.data.tags import is_tag, span_ends, span_types, split_tag, to_bio
from mtl_keras.errors import shown


class LabelKind(abc.ABC):
    """A task's kind.

    Attributes:
        name: as in recipes.
        noun: what errors call a task of this kind, with its article.
        mark: what errors call a label.
        metrics: the metrics of a split; the first is the task's main metric.
        higher_is_better: whether higher values of the main metric are better.
        counts_texts: whether the main metric is the share of texts that are right.
        form: of its answers.
        constant: the rule that chooses its best answer that reads no text.
        has_labels: whether it predicts labels rather than a number.
        needs_two_labels: whether a single label would leave nothing to learn.
        doubts_first_line: whether a label that only a table's first line has is taken for a header.
        per_word: whether each word is labelled rather than each text.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    mark: ClassVar[str] = "label"
    metrics: ClassVar[tuple[str, ...]]
    higher_is_better: ClassVar[bool] = True
    counts_texts: ClassVar[bool] = False
    form: ClassVar[AnswerForm]
    constant: ClassVar[ConstantRule]
    has_labels: ClassVar[bool] = True
    needs_two_labels: ClassVar[bool] = False
    doubts_first_line: ClassVar[bool] = False
    per_word: ClassVar[bool] = False

    @property
    def metric(self) -> str:
        """The main metric of a task of this kind."""
        return self.metrics[0]

    @property
    def unit(self) -> str:
        """What is labelled, in words."""
        return "words" if self.per_word else "texts"

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The meaning of each output of the head."""
        return tuple(labels)

    def num_outputs(self, labels: Sequence[str]) -> int:
        """Width of the head."""
        return len(self.classes(labels))

    def fault(self, labels: Sequence[str]) -> str:
        """What is wrong with declared labels, and the cure; empty if they are right."""
        if self.needs_two_labels and len(labels) == 1:
            return f"{self.noun} needs at least two labels; list more, or leave labels out"
        return ""

    def meant(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels that declared labels stand for."""
        return tuple(labels)

    @abc.abstractmethod
    def example(self, text: Any, label: Any, reader: LabelReader, index: dict[str, int]) -> Example:
        """Reads a row.

        Args:
            text: the cell of the text.
            label: the cell of the label.
            reader: reads the labels in cells.
            index: label → its index.

        Raises:
            RowError: the row does not fit the kind.
        """

    @abc.abstractmethod
    def counted(self, label: Any) -> Iterable[int]:
        """Indices of the labels that count for an example."""

    def ends(self, label: Any) -> Sequence[int]:
        """The index after the last word of each labelled span or word; empty for whole texts."""
        return ()

    @abc.abstractmethod
    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        """The chunk that `TaskDataset.stream` yields; ragged arrays are values and `words`."""


class Classification(LabelKind):
    """One label per text: a string or a number, or a list of one."""

    name = "classification"
    noun = "a classification"
    metrics = ("accuracy", "macro_f1")
    counts_texts = True
    form = LABEL
    constant = MostFrequentLabel()
    needs_two_labels = True
    doubts_first_line = True

    def example(self, text: Any, label: Any, reader: LabelReader, index: dict[str, int]) -> Example:
        if isinstance(label, list) and len(label) == 1:
            label = label[0]
        return Example(read_text(text), index[reader.read(label)])

    def counted(self, label: Any) -> Iterable[int]:
        return (label,)

    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        labels = np.array([example.label for example in examples], np.int32)  # (n,)
        return {"text": text_array(examples), "label": labels}


class Tagging(LabelKind):
    """Spans of words: words, and a tag of any scheme for each."""

    name = "tagging"
    noun = "a tagging task"
    mark = "tag"
    metrics = ("span_f1", "precision", "recall")
    form = PASSAGES
    constant = NoSpan()
    per_word = True

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:
        """BIO tags: 0 is `O`, then come `B-` and `I-` of each type."""
        return ("O", *(f"{prefix}-{label}" for label in labels for prefix in "BI"))

    def fault(self, labels: Sequence[str]) -> str:
        if "O" in labels and not any(map(is_tag, labels)):
            return "'O' marks words outside of spans and is not a type of span; remove it"
        return super().fault(labels)

    def meant(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Span types, which may also be listed as tags."""
        return span_types(labels)

    def example(self, text: Any, label: Any, reader: LabelReader, index: dict[str, int]) -> Example:
        def tag(cell: Any) -> str:
            prefix, span_type = split_tag(reader.read(cell))
            return f"{prefix}-{reader.meaning(span_type)}" if span_type else prefix

        def class_index(tag: str) -> int:
            return 0 if tag == "O" else 2 * index[tag[2:]] + (1 if tag[0] == "B" else 2)

        label = as_list(label)
        if isinstance(text, str) and are_spans(label):
            words, tags = read_spans(read_text(text), label, reader)
        else:
            words = read_words(as_listed(text, label))
            tags = to_bio(read_marks(label, words, self.mark, tag))
        return Example(" ".join(words), for_each_word(class_index, tags), words)

    def counted(self, label: Any) -> Iterable[int]:
        return ((tag - 1) // 2 for tag in label if tag % 2)  # B- tags, which begin spans

    def ends(self, label: Any) -> Sequence[int]:
        return span_ends(label)

    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        return word_arrays(examples)


class Regression(LabelKind):
    """One number per text, finite in float32."""

    name = "regression"
    noun = "a regression"
    metrics = ("mae", "rmse")
    higher_is_better = False
    form = NUMBER
    constant = MeanNumber()
    has_labels = False

    def num_outputs(self, labels: Sequence[str]) -> int:
        return 1

    def example(self, text: Any, label: Any, reader: LabelReader, index: dict[str, int]) -> Example:
        return Example(read_text(text), read_number(label))

    def counted(self, label: Any) -> Iterable[int]:
        return ()

    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        numbers = np.array([example.label for example in examples], np.float32)  # (n,)
        return {"text": text_array(examples), "label": numbers}


class Multilabel(LabelKind):
    """Any number of labels per text: a list, or a string with `|` between them."""

    name = "multilabel"
    noun = "a multilabel task"
    metrics = ("micro_f1", "macro_f1")
    form = LABELS
    constant = BestLabels()
    doubts_first_line = True

    def example(self, text: Any, label: Any, reader: LabelReader, index: dict[str, int]) -> Example:
        label = as_list(label)
        if isinstance(label, str):
            label = [part for part in label.split("|") if part.strip()]
        if isinstance(label, dict) and [*label] == ["choices"]:  # of Label Studio
            label = label["choices"]
        if not isinstance(label, list):
            raise RowError(f"expected a list of labels, or 'a|b'. Received: {shown(label)}")
        text = read_text(text)
        indices = {index[reader.read(cell)] for cell in label}
        return Example(text, tuple(sorted(indices)))

    def counted(self, label: Any) -> Iterable[int]:
        return label

    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        labels = np.zeros((len(examples), num_classes), np.float32)  # (n, classes)
        for row, example in enumerate(examples):
            labels[row, list(example.label)] = 1.0  # type: ignore[arg-type]
        return {"text": text_array(examples), "label": labels}


class TokenLabels(LabelKind):
    """One label per word: words, and a label for each. No label has a special meaning."""

    name = "token_labels"
    noun = "a token_labels task"
    metrics = ("accuracy", "macro_f1")
    form = PASSAGES
    constant = MostFrequentLabel()
    needs_two_labels = True
    per_word = True

    def example(self, text: Any, label: Any, reader: LabelReader, index: dict[str, int]) -> Example:
        label = as_list(label)
        words = read_words(as_listed(text, label))
        names = read_marks(label, words, self.mark, reader.read)
        return Example(" ".join(words), for_each_word(index.__getitem__, names), words)

    def counted(self, label: Any) -> Iterable[int]:
        return label

    def ends(self, label: Any) -> Sequence[int]:
        return range(1, len(label) + 1)

    def arrays(self, examples: Sequence[Example], num_classes: int) -> dict[str, np.ndarray]:
        return word_arrays(examples)


# The only table of kinds. Errors list the kinds in this order.
LABEL_KINDS: dict[str, LabelKind] = {
    kind.name: kind
    for kind in (Classification(), Tagging(), Regression(), Multilabel(), TokenLabels())
}


def higher_is_better(metric: str) -> bool:
    """Whether higher values of a task's main metric are better.

    Example:

    >>> higher_is_better("accuracy"), higher_is_better("mae")
    (True, False)
    """
    return all(kind.higher_is_better for kind in LABEL_KINDS.values() if kind.metric == metric)
