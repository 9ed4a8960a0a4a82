"""Texts of a run's files to try its model on."""

import itertools
from collections.abc import Iterator, Mapping

from mtl_keras.data.label_index import KnownLabels
from mtl_keras.data.split_files import SplitFiles
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.recipes.recipe import Recipe

SPLITS = ("test", "validation", "train")  # the first that a task has is read
MOST, LONGEST = 4, 160  # texts, and characters of one
LOOKED_AT = 50  # rows of a task


def example_texts(recipe: Recipe, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """A few short texts of the recipe's files, of its tasks in turn; none if they are gone.

    Args:
        recipe: of a run.
        tasks: name → task, with its labels.
    """
    of_tasks = [
        _short_texts(recipe, task.with_labels(tasks[task.name].labels)) for task in recipe.tasks
    ]
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*of_tasks))
    return tuple(dict.fromkeys(text for text in in_turn if text))[:MOST]


def _short_texts(recipe: Recipe, task: Task) -> Iterator[str]:
    split = next((split for split in SPLITS if split in task.files), None)
    if split is None:
        return
    try:
        files = SplitFiles(task, split, recipe.path.parent)
        rows = files.rows(files.paths[0], KnownLabels(task.labels))
        for _, _, example in itertools.islice(rows, LOOKED_AT):
            if example.text.strip() and len(example.text) <= LONGEST:
                yield example.text
    except InputError:
        return
