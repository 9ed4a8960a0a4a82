"""Trains in this process for the command `train`, and says at its end what to do next."""

import csv
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_keras.cli.console import load_tensorflow, print_metrics, say, warn
from mtl_keras.cli.watching import InLines, InTerminal, Watching, in_bar, watching

if TYPE_CHECKING:
    import keras

    from mtl_keras.data.task_dataset import TaskDataset
    from mtl_keras.recipes.recipe import Recipe
    from mtl_keras.runs.run import Run


def train_here(
    recipe: "Recipe", folder: str | Path, *, resume: bool, quiet: bool, is_chief: bool
) -> None:
    """Trains; the chief shows how it goes, the scores, and what can be done with the run."""
    from mtl_keras.runs.building import open_datasets

    with watching(quiet=quiet or not is_chief) as watcher:
        has_bar = isinstance(watcher, InTerminal)
        datasets = open_datasets(recipe, report=in_bar(watcher, warn) if has_bar else warn)
        load_tensorflow()
        from mtl_keras.training.train_recipe import train

        callbacks = _callbacks(watcher, datasets, Path(folder), resume=resume)
        run = train(
            *(recipe, folder, datasets),
            resume=resume,
            report=in_bar(watcher, say),
            verbose=0,
            callbacks=callbacks,
        )
    if is_chief:
        print_metrics(run.scores)
        for line in closing_lines(run, recipe.restore):
            say(line)


def closing_lines(run: "Run", restored: str | None) -> Iterator[str]:
    """Yields which weights the run has and why, and the next commands; last, the run's folder.

    Args:
        run: finished.
        restored: whose best weights were put back; None: nobody's.
    """
    from mtl_keras.runs.run import HISTORY, REPORT

    best = run.read_json(HISTORY)["best"].get(restored)
    if best:
        yield f"weights: of epoch {best['epoch']}, which are best on validation by {restored}"
    else:
        yield "weights: of the last epoch"
    folder = shlex.quote(str(run.folder))
    yield "next:"
    yield f"  mtl-keras report {folder} --open"
    yield f'  mtl-keras predict {folder} "some text"'
    yield f"  mtl-keras export {folder} saved_models/{shlex.quote(run.folder.resolve().name)}"
    yield f"report: {run.folder / REPORT}"
    yield f"run: {run.folder}"


def _callbacks(
    watcher: Watching, datasets: Mapping[str, "TaskDataset"], folder: Path, *, resume: bool
) -> "list[keras.callbacks.Callback]":
    from mtl_keras.runs.run import TABLE
    from mtl_keras.training.epoch_rows import EpochRows
    from mtl_keras.training.monitoring import EveryMinute

    tasks = {name: dataset.task for name, dataset in datasets.items()}
    before = _measured(folder / TABLE) if resume else []
    lines = [EveryMinute(say)] if isinstance(watcher, InLines) else []
    return [EpochRows(watcher, tasks, before), *lines]


def _measured(table: Path) -> list[dict[str, float | None]]:
    """Returns what was measured in the epochs before a training stopped."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return [
            {name: float(value) if value else None for name, value in row.items()}
            for row in csv.DictReader(file)
        ]
