"""What `evaluate` scores: a run on its own data, an export or a `.keras` file on a recipe's."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_keras.cli.console import warn
from mtl_keras.data.model_labels import ModelTask, for_model
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.loading import KERAS, run_or_export
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.run import Run

if TYPE_CHECKING:
    from mtl_keras.evaluation.task_scores import TaskScores

Datasets = Mapping[str, TaskDataset]


def evaluation_of(
    folder: str | Path, recipe: str | None, best: str | None, split: str
) -> Callable[[], "TaskScores"]:
    """A function that scores the run or the export in a folder; the function needs TensorFlow.

    Args:
        folder: of a run, of an export, or of numbered exports; or a `.keras` file.
        recipe: that names the data; a run has its own.
        best: the task whose best weights are scored, of a run.
        split: of the data.

    Raises:
        InputError: the folder holds neither; a run and `recipe`; an export and `best`, or no
            recipe; no task has the split; a fault of the recipe or of its files.
    """
    source = run_or_export(folder)
    if isinstance(source, Run):
        if recipe is not None:
            raise InputError(f"{folder}: a run has its own recipe; leave --recipe out")
        return functools.partial(_of_run, source, best, _data_of(source, split), split)
    if best is not None:
        raise InputError(f"{folder}: only a run has several sets of weights; leave --best out")
    if recipe is None:
        raise InputError(f"{folder}: has no data of its own; name them with --recipe RECIPE")
    datasets = open_datasets(load_recipe(recipe), report=warn)
    _check_split(datasets, split)
    evaluated = _of_file if source.suffix == KERAS else _of_export
    return functools.partial(evaluated, source, datasets, split)


def _data_of(run: Run, split: str) -> Datasets:
    recipe = run.recipe
    datasets = open_datasets(recipe, report=warn)
    _check_split(datasets, split)
    _warn_of_changes(run, datasets, recipe.path.parent)
    return datasets


def _of_run(run: Run, best: str | None, datasets: Datasets, split: str) -> "TaskScores":
    scores: TaskScores = run.model(best=best).evaluate_tasks(split, datasets)
    return scores


def _of_file(path: Path, datasets: Datasets, split: str) -> "TaskScores":
    from mtl_keras.models.loading import load_model

    model = load_model(path, compile=False)
    tasks = {name: ModelTask(task.labels, [task.kind]) for name, task in model.tasks.items()}
    opened = for_model(datasets, tasks)
    _warn_of_others(tasks, opened)
    scores: TaskScores = model.evaluate_tasks(split, opened)
    return scores


def _of_export(folder: Path, datasets: Datasets, split: str) -> "TaskScores":
    from mtl_keras.serving.saved_model import SavedModel

    served = SavedModel(folder)
    scores = served.evaluate_tasks(datasets, split)
    _warn_of_others(served.forms, datasets)
    return scores


def _check_split(datasets: Datasets, split: str) -> None:
    """Warns of tasks that have no files for a split; raises if no task has any."""
    without = [name for name, dataset in datasets.items() if split not in dataset.splits]
    if len(without) == len(datasets):
        datasets[without[0]].check_split(split)
    for name in without:
        warn(f"task {name!r} has no {split} files; left out")


def _warn_of_others(tasks: Mapping[str, object], datasets: Datasets) -> None:
    for name in tasks:
        if name not in datasets:
            warn(f"task {name!r} of the model is not in the recipe; left out")


def _warn_of_changes(run: Run, datasets: Datasets, folder: Path) -> None:
    """Warns of files that have changed since the run began."""
    from mtl_keras.runs.provenance import describe_changes, fingerprints
    from mtl_keras.runs.run import RECORD

    before = run.read_json(RECORD).get("data")
    now = fingerprints(datasets, folder, like=before)
    trained_on = now if before is None else {name: before[name] for name in now if name in before}
    if changes := describe_changes(trained_on, now):
        warn(changes)
