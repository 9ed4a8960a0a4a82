"""Tasks' own copies of the encoder's top blocks."""

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_keras.errors import InputError, listed, nearest, shown


@dataclass(frozen=True)
class OwnBlocks:
    """A copy of the encoder's top blocks that one task has, or a few have together.

    What is below stays shared, and is computed once for all tasks.

    Args:
        k: how many blocks are copied, from 1.
        tasks: the tasks that have the copy together; empty: only the task that this belongs to.

    Raises:
        InputError: no such number, or no list of names.

    Example:

    >>> OwnBlocks(2, tasks=["topic", "mood"]).get_config()
    {'k': 2, 'with': ['topic', 'mood']}
    """

    k: int
    tasks: Sequence[str] = ()

    def __post_init__(self) -> None:
        is_number = isinstance(self.k, numbers.Integral) and not isinstance(self.k, bool)
        if not is_number or self.k < 1:
            raise InputError(f"own_blocks: k is a whole number from 1. Received: {shown(self.k)}")
        is_list = isinstance(self.tasks, Sequence) and not isinstance(self.tasks, str)
        if not is_list or not all(isinstance(name, str) for name in self.tasks):
            raise InputError(f"own_blocks: with is a list of tasks. Received: {shown(self.tasks)}")
        object.__setattr__(self, "k", int(self.k))
        object.__setattr__(self, "tasks", tuple(self.tasks))

    def get_config(self) -> dict[str, Any]:
        """As plain values, as recipes have it."""
        return {"k": self.k} | ({"with": list(self.tasks)} if self.tasks else {})


def as_own_blocks(given: Any) -> OwnBlocks | None:
    """A value in any of its forms: `OwnBlocks`, a number, or `{k: 2, with: [topic, mood]}`.

    Raises:
        InputError: another form.
    """
    if given is None or isinstance(given, OwnBlocks):
        return given
    if not isinstance(given, Mapping):
        return OwnBlocks(given)
    if "k" not in given or not {*given} <= {"k", "with"}:
        raise InputError(
            "own_blocks is a number of blocks, or {k: 2, with: [<task>, …]}. Received: "
            f"{shown(dict(given))}"
        )
    return OwnBlocks(given["k"], given.get("with", ()))


def completed(own_blocks: Mapping[str, OwnBlocks | None]) -> dict[str, OwnBlocks | None]:
    """Task → its own blocks, with all tasks that have the copy, in the order of the tasks.

    Args:
        own_blocks: task → as declared; a group may be declared by any of its tasks.

    Raises:
        InputError: a group names a task that is not there, or a task is in two groups.

    Example:

    >>> completed({"a": OwnBlocks(2, ["b"]), "b": None, "c": OwnBlocks(1)})["b"]
    OwnBlocks(k=2, tasks=('a', 'b'))
    """
    groups: dict[str, OwnBlocks | None] = dict.fromkeys(own_blocks)
    for name, own in own_blocks.items():
        if own is None:
            continue
        for other in own.tasks:
            if other not in own_blocks:
                raise InputError(
                    f"task {name!r}: own_blocks: there is no task {other!r}; there are "
                    f"{listed(own_blocks)}{nearest(str(other), own_blocks)}"
                )
        together = OwnBlocks(own.k, [task for task in own_blocks if task in (name, *own.tasks)])
        for task in together.tasks:
            if groups[task] not in (None, together):
                raise InputError(
                    f"task {name!r}: own_blocks: {task!r} has others already, "
                    f"{groups[task].get_config()}; a task is in one group"  # type: ignore[union-attr]
                )
            groups[task] = together
    return groups


def narrowed(own_blocks: OwnBlocks | None, tasks: Sequence[str]) -> OwnBlocks | None:
    """Own blocks in a model of these tasks alone; a single task owns everything anyway: None.

    Example:

    >>> narrowed(OwnBlocks(2, ["a", "b", "c"]), ["a", "c"])
    OwnBlocks(k=2, tasks=('a', 'c'))
    """
    if own_blocks is None or len(tasks) < 2:
        return None
    return OwnBlocks(own_blocks.k, [task for task in own_blocks.tasks if task in tasks])
