"""Checks that the keys built from tasks' names are all different."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mtl_keras.data.task import Task

# Keys that occur beside tasks' names, and inputs of the model.
RESERVED = {
    "text": "it is the key of an answer's text",
    "read": "it is the key that says whether an answer's text was read whole",
    "serving_default": "it is the name of an export's signature",
    "embed": "it is the name of an export's signature",
    "labels": "it is the name of an export's signature",
    "reading": "it is the name of an export's signature",
    "mean": "it stands for the mean of all tasks",
    "loss": "it is the name of the loss of all tasks",
    "padding": "it is the name of the share of padding",
    "embeddings": "it is the name of a layer group",
    "features": "it is the name of an input of the model",
    "token_ids": "it is the name of an input of the model",
    "padding_mask": "it is the name of an input of the model",
}
OF_ALL = ("loss", "padding")  # measured for all tasks together


class NameFault(NamedTuple):
    """A task that cannot have its name, and the reason with its cure."""

    task: str
    message: str


def name_fault(tasks: Sequence[Task]) -> NameFault | None:
    """The first task whose name gives a key two meanings; None if there is none.

    Example:

    >>> name_fault([Task("a"), Task("val_a")]).task
    'val_a'
    """
    for task in tasks:
        if task.name in RESERVED:
            reason = f"{RESERVED[task.name]}; give the task another name"
            return NameFault(task.name, f"a task cannot be called {task.name!r}: {reason}")
    for keys in (_history_keys, _judged_keys):
        meanings: dict[str, str] = {}
        for name, key, meaning in keys(tasks):
            if key in meanings:
                return NameFault(
                    name,
                    f"{key!r} would be both {meanings[key]} and {meaning}; give the task {name!r} "
                    "another name",
                )
            meanings[key] = meaning
    return None


def measured_names(task: Task) -> dict[str, str]:
    """The measurements of a task during training: name in the history → metric."""
    return {f"{task.name}_{metric}": metric for metric in ("loss", task.metric)}


def repeated(names: Iterable[str]) -> str | None:
    """The first name that occurs twice, with or without the prefix `val_`; None if none does."""
    seen: set[str] = set()
    for name in names:
        both = {name, f"val_{name}"}
        if both & seen:
            return name
        seen |= both
    return None


def _history_keys(tasks: Sequence[Task]) -> Iterator[tuple[str, str, str]]:
    """Task, name and meaning of each measurement of an epoch (`history.json`, `history.csv`)."""
    for name in OF_ALL:
        yield "", name, f"the {name} of all tasks"
        yield "", f"val_{name}", f"the validation {name} of all tasks"
    for task in tasks:
        for name, metric in measured_names(task).items():
            yield task.name, name, f"the {metric} of {task.name!r}"
            yield task.name, f"val_{name}", f"the validation {metric} of {task.name!r}"


def _judged_keys(tasks: Sequence[Task]) -> Iterator[tuple[str, str, str]]:
    """Task, name and meaning of what a stage can watch or keep the best weights for."""
    for task in tasks:
        for name, metric in measured_names(task).items():
            yield task.name, name, f"the {metric} of {task.name!r}"
    for task in tasks:
        yield task.name, task.name, f"the task {task.name!r}"
