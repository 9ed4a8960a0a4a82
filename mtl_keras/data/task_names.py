"""The keys that are built from tasks' names, and the names that make two of them one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mtl_keras.data.task import Task

# Keys that stand beside those of tasks, or are inputs of the model that has an output a task.
RESERVED = {
    "text": "an answer holds its text under this key",
    "read": "an answer says under this key whether its text was read whole",
    "serving_default": "a signature of an export is called so",
    "embed": "a signature of an export is called so",
    "labels": "a signature of an export is called so",
    "reading": "a signature of an export is called so",
    "mean": "it stands for the mean of all tasks",
    "loss": "the loss of all tasks is called so",
    "padding": "the share of padding is called so",
    "embeddings": "a layer group is called so",
    "features": "an input of the model is called so",
    "token_ids": "an input of the model is called so",
    "padding_mask": "an input of the model is called so",
}
OF_ALL = ("loss", "padding")  # measured of all tasks together


class NameFault(NamedTuple):
    """Which task cannot have its name, and why, with the cure."""

    task: str
    message: str


def name_fault(tasks: Sequence[Task]) -> NameFault | None:
    """The first name of a task that makes a key of two meanings; None if there is none.

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
    """What is measured of a task while it trains: name in the history → metric."""
    return {f"{task.name}_{metric}": metric for metric in ("loss", task.metric)}


def repeated(names: Iterable[str]) -> str | None:
    """The first measured name that comes twice, also with the `val_` of validation; else None."""
    met: set[str] = set()
    for name in names:
        both = {name, f"val_{name}"}
        if both & met:
            return name
        met |= both
    return None


def _history_keys(tasks: Sequence[Task]) -> Iterator[tuple[str, str, str]]:
    """Task, name and meaning of what an epoch measures (`history.json`, `history.csv`)."""
    for name in OF_ALL:
        yield "", name, f"the {name} of all tasks"
        yield "", f"val_{name}", f"the validation {name} of all tasks"
    for task in tasks:
        for name, metric in measured_names(task).items():
            yield task.name, name, f"the {metric} of {task.name!r}"
            yield task.name, f"val_{name}", f"the validation {metric} of {task.name!r}"


def _judged_keys(tasks: Sequence[Task]) -> Iterator[tuple[str, str, str]]:
    """Task, name and meaning of what a stage can watch and of which the best weights are kept."""
    for task in tasks:
        for name, metric in measured_names(task).items():
            yield task.name, name, f"the {metric} of {task.name!r}"
    for task in tasks:
        yield task.name, task.name, f"the task {task.name!r}"
