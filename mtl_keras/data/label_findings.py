"""Finds labels that are valid but suspicious, and oddities of files."""

import difflib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mtl_keras.data.columns import Columns
from mtl_keras.data.findings import Finding
from mtl_keras.data.labels import joined, look_alike, maybe_missing
from mtl_keras.data.oddities import NAMES_OF_COLUMNS
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset

MOST_COMPARED = 2000  # labels that are compared to find the nearest
ODDITIES = ("hidden", "broken_words", "quoted", "sniffed")


def of_names(dataset: TaskDataset, splits: Sequence[str]) -> Iterator[Finding]:
    """Finds labels that training lacks, and labels that look like another or like no label."""
    task = dataset.task
    for split in splits:
        yield from _of_others(dataset, split)
    others = itertools.chain.from_iterable(dataset.more_labels.get(split, ()) for split in splits)
    labels = tuple(dict.fromkeys((*task.labels, *others)))
    suspicious = {
        "alike": itertools.chain.from_iterable(look_alike(labels)),
        "joined": joined(labels),
        "column_name": _names_of_columns(task, labels, splits),
        "maybe_missing": maybe_missing(labels) if task.labels_are_found else (),
    }
    for about, suspects in suspicious.items():
        if suspects := tuple(suspects):
            yield Finding(task=task.name, split=None, about=about, labels=suspects)


def of_files(dataset: TaskDataset, splits: Sequence[str]) -> Iterator[Finding]:
    """Finds oddities of the files, and entries of `label_names` that no row uses."""
    for split in splits:
        oddities = dataset.oddities.get(split)
        for about in ODDITIES:
            if oddities and oddities.rows[about]:
                detail = oddities.details[about]
                yield Finding(
                    task=dataset.task.name,
                    split=split,
                    about=about,
                    count=oddities.rows[about],
                    of=sum(dataset.counts[name] for name in _sharing(dataset, split)),
                    labels=(detail,) if detail else (),
                    places=((oddities.places[about],),),
                )
    if set(dataset.oddities) == set(dataset.task.files):
        names = (dataset.task.columns_of(split).label_names for split in dataset.oddities)
        used = {key for oddities in dataset.oddities.values() for key in oddities.used}
        unused = tuple(dict.fromkeys(key for keys in names for key in keys if key not in used))
        if unused:
            yield Finding(task=dataset.task.name, split=None, about="unused_names", labels=unused)


def _of_others(dataset: TaskDataset, split: str) -> Iterator[Finding]:
    """Finds labels that cannot be predicted: training lacks them, or a model of other training."""
    task, counts = dataset.task, dataset.label_counts[split]
    trained = dataset.label_counts.get("train", Counter())
    others = [label for label in dataset.more_labels.get(split, ()) if counts[label]]
    for about, is_trained in (("more", False), ("not_learnt", True)):
        if labels := tuple(label for label in others if (label in trained) is is_trained):
            yield Finding(
                task=task.name,
                split=split,
                about=about,
                count=sum(counts[label] for label in labels),
                of=counts.total(),
                labels=labels,
                nearest=tuple(_nearest(label, task.labels) for label in labels),
            )


def _sharing(dataset: TaskDataset, split: str) -> Iterable[str]:
    """The splits whose examples come from this split's files."""
    if split == "train" and "validation" not in dataset.oddities:
        return [name for name in ("train", "validation") if name in dataset.counts]
    return [split]


def _names_of_columns(task: Task, labels: Iterable[str], splits: Sequence[str]) -> list[str]:
    of_splits: list[Columns] = [task.columns_of(split) for split in splits]
    own = {
        str(name).casefold()
        for columns in of_splits
        for name in (*columns.text_columns, columns.label)
        if isinstance(name, str)
    }
    return [label for label in labels if label.casefold() in NAMES_OF_COLUMNS | own]


def _nearest(label: str, labels: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(label, labels[:MOST_COMPARED], 1)), "")
