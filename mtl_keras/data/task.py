"""What each task predicts, and from which files it learns it."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mtl_keras.data.label_kinds import LABEL_KINDS, LabelKind
from mtl_keras.errors import InputError, shown

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a file keeps the text and the label.

    A string is the name of a column (or key of a JSON line), an integer its position from 0.
    Names imply a header line, positions imply none; `header` overrides that.

    Args:
        text: column of the text, or several, joined by a blank. Of kinds that label
            words, the words.
        label: column of the label, or of the words' tags or labels. -1 is the last column.
        header: whether the first line names the columns. Found from the above when None.
        label_names: what the file writes → the label it means, where the two differ.

    Raises:
        InputError: a column that is neither a name nor a position, one for text and label alike.

    Example:

    >>> Columns(text=(1, 2), label=0, label_names={1: "World", 2: "Sports"}).label_names
    {'1': 'World', '2': 'Sports'}
    """

    text: str | int | tuple[str | int, ...] = "text"
    label: str | int = "label"
    header: bool | None = None
    label_names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.text, list):
            object.__setattr__(self, "text", tuple(self.text))
        for column in (*(self.text_columns or (None,)), self.label):
            if not isinstance(column, str | int) or isinstance(column, bool):
                raise InputError(f"a column is a name or a position from 0. Received: {column!r}")
        if self.label in self.text_columns:
            raise InputError(f"text and label are both column {self.label!r}; name two columns")
        names = {_as_label(key): _as_label(label) for key, label in self.label_names.items()}
        object.__setattr__(self, "label_names", names)

    @property
    def text_columns(self) -> tuple[str | int, ...]:
        """The columns of the text, also where there is one."""
        return self.text if isinstance(self.text, tuple) else (self.text,)


@dataclass(frozen=True)
class Task:
    """A declaration of one thing to predict from a text.

    Args:
        name: lower-case letters, digits and `_`; names the task everywhere.
        kind: `classification` (one label), `multilabel` (any number of labels), `regression`
            (a number), `tagging` (spans of words, from BIO, IOB1 or BIOES tags) or
            `token_labels` (one free label a word, as its part of speech).
        labels: the classes in order; for tagging, the span types. Found in the training file
            when empty. None for regression.
        files: split (`train`, `validation`, `test`) → paths. A path may hold globs, end in
            `.gz`, or be a folder of parallel lines (`seq.in`, `seq.out`, `label`).
        columns: where its files keep text and label; may be a mapping split → `Columns`. The
            default serves CSV, TSV and JSONL with columns `text` and `label`.

    Raises:
        InputError: a name, kind, split, label list or list of files that makes no sense.

    Example:

    >>> Task("entities", kind="tagging", labels=["city", "product"]).classes
    ('O', 'B-city', 'I-city', 'B-product', 'I-product')
    """

    name: str
    kind: str = "classification"
    labels: Sequence[str] = ()
    files: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False)
    columns: Columns | Mapping[str, Columns] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _as_labels(self.name, self.labels))
        object.__setattr__(self, "files", _as_paths(self.name, self.files))
        if not isinstance(self.columns, Columns):
            _check_columns(self.name, self.columns)
        _check_name(self.name)
        if self.kind not in [*LABEL_KINDS]:
            raise InputError(
                f"task {self.name!r}: kind must be one of {', '.join(LABEL_KINDS)}. "
                f"Received: {self.kind!r}"
            )
        if self.labels and not self.label_kind.has_labels:
            noun = self.label_kind.noun
            raise InputError(f"task {self.name!r}: {noun} has no labels; remove them")
        self._check_labels()

    @property
    def label_kind(self) -> LabelKind:
        """What the task's kind means without tensors."""
        return LABEL_KINDS[self.kind]

    @property
    def classes(self) -> tuple[str, ...]:
        """What the head's outputs stand for: the labels, or for tagging `O`, `B-`, `I-` tags."""
        return self.label_kind.classes(self.labels)

    @property
    def num_outputs(self) -> int:
        """Width of the task's head."""
        return self.label_kind.num_outputs(self.labels)

    @property
    def metric(self) -> str:
        """The metric by which the task is judged: `accuracy`, `span_f1`, `micro_f1` or `mae`."""
        return self.label_kind.metric

    @property
    def has_all_labels(self) -> bool:
        """Whether its labels are listed, or there are none to list."""
        return bool(self.labels) or not self.label_kind.has_labels

    def columns_of(self, split: str) -> Columns:
        """Where the split's files keep text and label."""
        if isinstance(self.columns, Columns):
            return self.columns
        return self.columns.get(split, Columns())

    def with_labels(self, labels: Sequence[str]) -> "Task":
        """The same task over these labels."""
        return dataclasses.replace(self, labels=tuple(labels))

    def _check_labels(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            fault = "a label is listed twice; remove one"
        elif "" in self.labels:
            fault = "a label is empty; fill it in or remove it"
        else:
            fault = self.label_kind.fault(self.labels)
        if fault:
            raise InputError(f"task {self.name!r}: {fault}. Received: {list(self.labels)}")

    def get_config(self) -> dict:
        """What the model needs of the task, as plain values: name, kind, labels."""
        return {"name": self.name, "kind": self.kind, "labels": list(self.labels)}


def _as_labels(name: str, labels: Sequence[str]) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise InputError(f"task {name!r}: labels must be a list. Received: {labels!r}")
    return tuple(_as_label(label) for label in labels)


def _as_label(label: str | int | float) -> str:
    if isinstance(label, bool) or not isinstance(label, str | int | float):
        raise InputError(
            f"a label must be a string or a number. Received: {label!r}; in YAML, quote it"
        )
    return str(label).strip()


def _as_paths(name: str, files: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    _check_splits(name, files)
    for split, paths in files.items():
        if isinstance(paths, list | tuple) and not paths:
            raise InputError(f"task {name!r}: the list of {split} files is empty; give a file")
    return {
        split: (str(paths),) if not isinstance(paths, list | tuple) else tuple(map(str, paths))
        for split, paths in files.items()
    }


def _check_splits(name: str, by_split: Mapping[str, object]) -> None:
    for split in by_split:
        if split not in SPLITS:
            raise InputError(
                f"task {name!r}: files and columns are given for {', '.join(SPLITS)}. "
                f"Received: {split!r}"
            )


def _check_columns(name: str, by_split: Mapping[str, Columns]) -> None:
    if not isinstance(by_split, Mapping) or not all(
        isinstance(columns, Columns) for columns in by_split.values()
    ):
        raise InputError(
            f"task {name!r}: columns are Columns(text=…, label=…), or a dict of them by split. "
            f"Received: {shown(by_split)}"
        )
    _check_splits(name, by_split)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", str(name)):
        raise InputError(
            "a task's name is lower-case letters, digits and '_', a letter first, 64 at most. "
            f"Received: {name!r}"
        )
    if name in ("text", "loss", "embeddings") or re.fullmatch(r"block_\d+", name):
        raise InputError(
            f"{name!r} cannot be a task's name: it has another meaning; choose another"
        )
