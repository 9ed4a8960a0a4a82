"""The files of a split, found by their paths and globs, and its tables from memory."""

import os
from collections.abc import Collection

from mtl_keras.data.rows import Refuse, raise_at_once
from mtl_keras.data.tables import Table, table_name
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.storage.files import find_files

Source = str | Table  # a file, or data from memory


def find_sources(
    task: Task, split: str, base_folder: str | os.PathLike, refuse: Refuse = raise_at_once
) -> list[Source]:
    """The tables, then the files that paths and globs match.

    Args:
        task: its paths, globs and tables.
        split: `train`, `validation` or `test`.
        base_folder: what relative paths are relative to.
        refuse: receives paths and globs without a file, and a file that is listed twice.

    Raises:
        InputError: the split's data were in memory, and are in no file.
    """
    sources = task.files[split]
    tables: list[Source] = [source for source in sources if isinstance(source, Table)]
    patterns = [source for source in sources if not isinstance(source, Table)]
    if table_name(task.name, split) in patterns:
        raise InputError(
            f"task {task.name!r}: its {split} data were in memory, and are in no file; give them "
            "again in Python, such as model.evaluate_tasks(datasets={task: TaskDataset(…)}) with "
            "model = Run(folder).model(), or write them to a file and name it in the recipe"
        )
    try:
        return [*tables, *find_files(patterns, base_folder)]
    except InputError as error:
        first = error
    refuse(first)
    paths: list[str] = []
    for pattern in patterns:
        try:
            paths += find_files([pattern], base_folder)
        except InputError as error:
            if str(error) != str(first):
                refuse(error)
    return [*tables, *dict.fromkeys(paths)]


def check_training(task: Task, unread: Collection[str]) -> None:
    """Checks that training files are there and read if labels or a validation split need them.

    Args:
        task: its files and labels.
        unread: splits whose files are not read beforehand.

    Raises:
        InputError: they are not.
    """
    if not task.has_all_labels and "train" not in task.files:
        raise InputError(
            f"task {task.name!r} has no training files to find its labels in; list its labels"
        )
    if "train" in unread and not (task.has_all_labels and "validation" in task.files):
        raise InputError(
            f"task {task.name!r}: without labels and validation files, its training files must be "
            "read first; list its labels and give validation files"
        )
