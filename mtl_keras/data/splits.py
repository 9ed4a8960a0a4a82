"""The splits of a task's data."""

from collections.abc import Iterable

from mtl_keras.errors import InputError, nearest, shown

SPLITS = ("train", "validation", "test")


def check_splits(task: str, names: Iterable[object]) -> None:
    """Raises `InputError` if what a task has by split names another one."""
    for name in names:
        if name not in SPLITS:
            raise InputError(
                f"task {task!r}: the splits of files, data and columns are {', '.join(SPLITS)}. "
                f"Received: {shown(name)}{nearest(str(name), SPLITS, cutoff=0.4)}"
            )
