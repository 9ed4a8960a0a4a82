"""Declares a task: what it predicts, and the files or data in memory that it learns from."""

import copy
import dataclasses
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

from mtl_keras.data.columns import Columns, given_label
from mtl_keras.data.hub_datasets import check_path, hub_dataset
from mtl_keras.data.label_kinds import LABEL_KINDS, LabelKind
from mtl_keras.data.levels import LAST, check_level
from mtl_keras.data.own_blocks import OwnBlocks, as_own_blocks
from mtl_keras.data.splits import SPLITS, check_splits
from mtl_keras.data.tables import Table, table_name
from mtl_keras.errors import InputError, shown


@dataclass(frozen=True)
class Task:
    """Declares one thing to predict from a text.

    Args:
        name: lower-case letters, digits and `_`; names the task everywhere.
        kind: `classification` (one label), `multilabel` (any number of labels), `regression`
            (a number), `tagging` (spans of words, from BIO, IOB1 or BIOES tags) or
            `token_labels` (one label per word, such as its part of speech).
        labels: the classes in order; for tagging, the span types. When empty, they are taken from
            the training files. A regression has none.
        files: split (`train`, `validation`, `test`) → paths. A path may contain globs, end in
            `.gz`, or be a folder of parallel lines (`seq.in`, `seq.out`, `label`). Or the address
            of a dataset of the Hugging Face hub, with its splits: `hf://datasets/ORG/NAME`.
        data: split → a path, or data in memory: a pandas or Polars frame, a list of dicts, a dict
            of columns, a Hugging Face or `tf.data` dataset, a PyArrow table. It is stored in
            `files`, as a `Table`. Or an address, as in `files`.
        text, label: columns of all splits, instead of `columns`.
        columns: which columns hold text and label; may be a mapping split → `Columns`. The
            default is `text` and `label`.
        reads: the level of the encoder that the head reads: `last`, `block_<k>`, `mix` (a learned
            mix of all), or `auto` (training finds the best one on held-out texts).
        own_blocks: its own copy of the encoder's top blocks: how many, or `OwnBlocks`.
        scale: for a regression, mean and standard deviation of its numbers. The head answers
            `mean + deviation * output`, and its loss is in deviations, so it can learn numbers of
            any size. `TaskDataset(task).task` has the scale of the training files. Without training
            files, give the scale, or numbers of about unit size.

    Raises:
        InputError: an invalid name, kind, level, split, label list, list of files or own blocks.

    Example:

    >>> Task("entities", kind="tagging", labels=["city", "product"]).classes
    ('O', 'B-city', 'I-city', 'B-product', 'I-product')
    """

    labels_are_found: ClassVar[bool] = False  # whether they come from the training files

    name: str
    kind: str = "classification"
    labels: Sequence[str] = ()
    files: Mapping[str, Sequence[str | Table]] = field(default_factory=dict, compare=False)
    columns: Columns | Mapping[str, Columns] = field(default_factory=dict, compare=False)
    reads: str = LAST
    scale: tuple[float, float] | None = None
    own_blocks: OwnBlocks | None = field(default=None, kw_only=True)
    data: InitVar[Mapping[str, Any] | str | None] = field(default=None, kw_only=True)
    text: InitVar[str | int | Sequence[str | int] | None] = field(default=None, kw_only=True)
    label: InitVar[str | int | None] = field(default=None, kw_only=True)

    def __post_init__(
        self,
        data: Mapping[str, Any] | str | None,
        text: str | int | Sequence[str | int] | None,
        label: str | int | None,
    ) -> None:
        check_level(f"task {self.name!r}", self.reads)
        object.__setattr__(self, "own_blocks", as_own_blocks(self.own_blocks))
        object.__setattr__(self, "labels", _as_labels(self.name, self.labels))
        object.__setattr__(self, "files", _as_sources(self.name, self.files, data))
        object.__setattr__(self, "columns", _as_columns(self.name, self.columns, text, label))
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
        object.__setattr__(self, "scale", _as_scale(self))

    @property
    def label_kind(self) -> LabelKind:
        """What the task's kind means without tensors."""
        return LABEL_KINDS[self.kind]

    @property
    def classes(self) -> tuple[str, ...]:
        """The meaning of the head's outputs: the labels, or for tagging `O`, `B-`, `I-` tags."""
        return self.label_kind.classes(self.labels)

    @property
    def num_outputs(self) -> int:
        """Width of the task's head."""
        return self.label_kind.num_outputs(self.labels)

    @property
    def metric(self) -> str:
        """The task's main metric: `accuracy`, `span_f1`, `micro_f1` or `mae`."""
        return self.label_kind.metric

    @property
    def has_all_labels(self) -> bool:
        """Whether its labels are listed, or its kind has none."""
        return bool(self.labels) or not self.label_kind.has_labels

    def columns_of(self, split: str) -> Columns:
        """Which columns of the split's files hold text and label."""
        if isinstance(self.columns, Columns):
            return self.columns
        return self.columns.get(split, Columns())

    def with_labels(self, labels: Sequence[str]) -> "Task":
        """The same task with these labels, which are not normalized."""
        task = dataclasses.replace(self, labels=())
        object.__setattr__(task, "labels", tuple(labels))
        object.__setattr__(task, "labels_are_found", self.labels_are_found or not self.labels)
        task._check_labels()
        return task

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Task":
        """The task that `get_config` described. Labels from earlier versions are kept unchanged."""
        labels = config["labels"]
        if not isinstance(labels, list | tuple) or not all(isinstance(x, str) for x in labels):
            raise InputError(f"task {shown(config['name'])}: labels must be a list of strings")
        return cls(**{**config, "labels": ()}).with_labels(labels)

    def at_level(self, reads: str) -> "Task":
        """The same task with a head that reads this level of the encoder."""
        return self._with("reads", reads)

    def at_scale(self, scale: tuple[float, float] | None) -> "Task":
        """The same task with this mean and deviation of its numbers."""
        return self._with("scale", scale)

    def with_own_blocks(self, own_blocks: OwnBlocks | None) -> "Task":
        """The same task with these own blocks."""
        return self._with("own_blocks", own_blocks)

    def _with(self, field: str, value: Any) -> "Task":
        task = copy.copy(self)  # `replace` would normalize the labels again
        object.__setattr__(task, field, value)
        return task

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
        """What the model needs to know of the task, as plain values."""
        config: dict[str, Any] = {"name": self.name, "kind": self.kind}
        config |= {"labels": list(self.labels), "reads": self.reads}
        config |= {"own_blocks": self.own_blocks.get_config()} if self.own_blocks else {}
        return config if self.scale is None else config | {"scale": list(self.scale)}


def checked_tasks(tasks: Any) -> list[Task]:
    """A list of tasks.

    Raises:
        InputError: it is no list, or an item is no task.
    """
    if isinstance(tasks, Task | str) or not isinstance(tasks, Sequence):
        raise InputError(f"tasks must be a list of Task(…). Received: {shown(tasks)}")
    for task in tasks:
        if not isinstance(task, Task):
            raise InputError(f"tasks must be a list of Task(…). Received in it: {shown(task)}")
    return list(tasks)


def _as_labels(name: str, labels: Sequence[str]) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise InputError(f"task {name!r}: labels must be a list. Received: {labels!r}")
    return tuple(given_label(label) for label in labels)


def _as_sources(name: str, files: Any, data: Any) -> Mapping[str, Sequence[str | Table]]:
    """Split → its files, and tables for data in memory."""
    hub = hub_dataset(files if data is None else data, SPLITS)
    if hub is not None:
        if data is not None and files:
            raise InputError(f"task {name!r}: files and data are both given; keep {hub.address}")
        return hub
    files = _by_split(name, "files", files)
    data = {} if data is None else _by_split(name, "data", data)
    for split, paths in files.items():
        if isinstance(paths, list | tuple) and not paths:
            raise InputError(f"task {name!r}: the list of {split} files is empty; give a file")
        if split in data:
            raise InputError(f"task {name!r}: files and data both give {split}; keep one")
    sources = {
        split: tuple(map(_as_source, paths if isinstance(paths, list | tuple) else (paths,)))
        for split, paths in files.items()
    }
    return sources | {split: (_from_memory(name, split, given),) for split, given in data.items()}


def _by_split(name: str, argument: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(
            f"task {name!r}: {argument} must map splits: {argument}={{'train': …, 'test': …}}, or "
            f"be hf://datasets/ORG/NAME. Received: {shown(given)}"
        )
    check_splits(name, given)
    return given


def _as_source(source: Any) -> str | Table:
    if isinstance(source, Table):
        return source
    check_path(str(source))
    return str(source)


def _from_memory(name: str, split: str, given: Any) -> str | Table:
    if isinstance(given, str | os.PathLike):
        return _as_source(os.fspath(given))
    return Table(table_name(name, split), given)


def _as_columns(
    name: str,
    columns: Columns | Mapping[str, Columns],
    text: str | int | Sequence[str | int] | None,
    label: str | int | None,
) -> Columns | Mapping[str, Columns]:
    if not isinstance(columns, Columns):
        _check_columns(name, columns)
    given = {"text": text, "label": label}
    given = {part: column for part, column in given.items() if column is not None}
    if not given:
        return columns
    if columns:
        raise InputError(
            f"task {name!r}: give text and label either in columns or as arguments, not both"
        )
    return Columns(**given)  # type: ignore[arg-type]  # Columns checks them


def _check_columns(name: str, by_split: Mapping[str, Columns]) -> None:
    if not isinstance(by_split, Mapping) or not all(
        isinstance(columns, Columns) for columns in by_split.values()
    ):
        raise InputError(
            f"task {name!r}: columns must be Columns(text=…, label=…), or a dict split → Columns. "
            f"Received: {shown(by_split)}"
        )
    check_splits(name, by_split)


def _as_scale(task: Task) -> tuple[float, float] | None:
    if task.scale is None:
        return None
    if task.label_kind.has_labels:
        raise InputError(f"task {task.name!r}: {task.label_kind.noun} has no scale; remove it")
    try:
        mean, deviation = map(float, task.scale)
    except (TypeError, ValueError):
        mean, deviation = math.nan, math.nan
    if not (math.isfinite(mean) and 0 < deviation < math.inf):
        raise InputError(
            f"task {task.name!r}: scale must be a mean and a deviation above 0. "
            f"Received: {shown(task.scale)}"
        )
    return mean, deviation


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", str(name)):
        raise InputError(
            "a task's name has lower-case letters, digits and '_', a letter first, at most 64. "
            f"Received: {name!r}"
        )
    if name in ("text", "loss", "embeddings") or re.fullmatch(r"block_\d+", name):
        raise InputError(
            f"{name!r} cannot be a task's name: it has another meaning; choose another"
        )
