"""What is legal and suspicious in the labels of a task, and odd in its files."""

import difflib
import itertools
from collections.abc import Iterable, Iterator, Sequence

from mtl_keras.data.columns import Columns
from mtl_keras.data.findings import Finding
from mtl_keras.data.labels import joined, look_alike, maybe_missing
from mtl_keras.data.oddities import NAMES_OF_COLUMNS
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset

MOST_COMPARED = 2000  # labels among which the nearest is sought
ODDITIES = ("hidden", "broken_words", "quoted", "sniffed")


def of_names(dataset: TaskDataset, splits: Sequence[str]) -> Iterator[Finding]:
    """Labels that training lacks, and those that look like another or like no label."""
    task = dataset.task
    for split in splits:
        if more := dataset.more_labels.get(split):
            counts = dataset.label_counts[split]
            yield Finding(
                task=task.name,
                split=split,
                about="more",
                count=sum(counts[label] for label in more),
                of=counts.total(),
                labels=tuple(more),
                nearest=tuple(_nearest(label, task.labels) for label in more),
            )
    others = itertools.chain.from_iterable(dataset.more_labels.get(split, ()) for split in splits)
    labels = tuple(dict.fromkeys((*task.labels, *others)))
    suspicious = {
        "alike": itertools.chain.from_iterable(look_alike(labels)),
        "joined": joined(labels),
        "column_name": _names_of_columns(task, labels, splits),
        "maybe_missing": maybe_missing(labels) if task.labels_are_found else (),
    }
    for about, which in suspicious.items():
        if which := tuple(which):
            yield Finding(task=task.name, split=None, about=about, labels=which)


def of_files(dataset: TaskDataset, splits: Sequence[str]) -> Iterator[Finding]:
    """What is odd in the files, and what `label_names` maps in vain."""
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
        used = {key for each in dataset.oddities.values() for key in each.used}
        unused = tuple(dict.fromkeys(key for each in names for key in each if key not in used))
        if unused:
            yield Finding(task=dataset.task.name, split=None, about="unused_names", labels=unused)


def _sharing(dataset: TaskDataset, split: str) -> Iterable[str]:
    """The splits whose examples come from the split's files."""
    if split == "train" and "validation" not in dataset.oddities:
        return [name for name in ("train", "validation") if name in dataset.counts]
    return [split]


def _names_of_columns(task: Task, labels: Iterable[str], splits: Sequence[str]) -> list[str]:
    columns: list[Columns] = [task.columns_of(split) for split in splits]
    own = {
        str(name).casefold()
        for each in columns
        for name in (*each.text_columns, each.label)
        if isinstance(name, str)
    }
    return [label for label in labels if label.casefold() in NAMES_OF_COLUMNS | own]


def _nearest(label: str, labels: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(label, labels[:MOST_COMPARED], 1)), "")
