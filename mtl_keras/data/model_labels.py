"""Data for a model that is trained already: read with its labels, whatever the data's own are."""

import copy
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.labels import as_label
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError, listed, nearest, shown


class ModelTask(NamedTuple):
    """A task as a trained model has it.

    Args:
        labels: in the model's order; a regression has none.
        kinds: the kind, or the kinds that it may have, since two of them answer alike.
    """

    labels: Sequence[str]
    kinds: Sequence[str]


def for_model(
    datasets: Mapping[str, TaskDataset], tasks: Mapping[str, ModelTask]
) -> dict[str, TaskDataset]:
    """The data of a model's tasks, in the model's order, read with the model's labels.

    Args:
        datasets: task → its data.
        tasks: of the model; those without data are left out.

    Raises:
        InputError: the model lacks a task, or has it with another kind or without any of the
            labels.
    """
    if not isinstance(datasets, Mapping):
        raise InputError(f"datasets must be a dict of TaskDataset. Received: {shown(datasets)}")
    for name, dataset in datasets.items():
        _check(name, dataset, tasks)
    return {
        name: _with_labels(datasets[name], task.labels)
        for name, task in tasks.items()
        if name in datasets
    }


def _check(name: str, dataset: TaskDataset, tasks: Mapping[str, ModelTask]) -> None:
    if name not in tasks:
        raise InputError(
            f"the model has no task {shown(name)}; it has {listed(tasks)}"
            f"{nearest(str(name), tasks)}; leave out what it has not learnt"
        )
    if not isinstance(dataset, TaskDataset):
        raise InputError(
            f"datasets[{name!r}] must be a TaskDataset: TaskDataset(Task(…, data=…)). Received: "
            f"{shown(dataset)}"
        )
    if dataset.task.kind not in tasks[name].kinds:
        nouns = " or ".join(LABEL_KINDS[kind].noun for kind in tasks[name].kinds)
        raise InputError(
            f"task {name!r}: its data are of {dataset.task.label_kind.noun}, the model's task is "
            f"{nouns}; correct the kind"
        )


def _with_labels(dataset: TaskDataset, labels: Sequence[str]) -> TaskDataset:
    """The same data with a model's labels; others become `more_labels`, which count as wrong."""
    if not dataset.task.label_kind.has_labels:
        return dataset
    spelled = {as_label(label): label for label in labels} | {label: label for label in labels}
    more = itertools.chain.from_iterable(dataset.more_labels.values())
    of_data = dict.fromkeys(spelled.get(label, label) for label in (*dataset.task.labels, *more))
    others = [label for label in of_data if label not in spelled]
    if len(others) == len(of_data):
        raise InputError(
            f"task {dataset.task.name!r}: the model's labels are {listed(labels)}, the data have "
            f"none of them, but {listed(others)}; map these with label_names in columns"
        )
    relabelled = copy.copy(dataset)
    relabelled.task = dataset.task.with_labels(labels)
    relabelled.more_labels = dict.fromkeys(dataset.splits, others)
    relabelled.label_counts = {
        split: _respelled(counts, spelled) for split, counts in dataset.label_counts.items()
    }
    return relabelled


def _respelled(counts: Counter[str], spelled: Mapping[str, str]) -> Counter[str]:
    respelled: Counter[str] = Counter()
    for label, count in counts.items():
        respelled[spelled.get(label, label)] += count
    return respelled
