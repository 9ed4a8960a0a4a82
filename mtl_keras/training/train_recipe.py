"""From a recipe to a run: data, model, stages, and the folder of the results."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import show
from mtl_keras.distribution.strategies import Workers, strategy_of
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import build_model, load_encoder, open_datasets
from mtl_keras.runs.left_out import LeftOut
from mtl_keras.runs.run import LEFT_OUT, Run
from mtl_keras.runs.starting_run import StartingRun, in_words
from mtl_keras.runs.unfinished import end, in_begun_order, normalizes_as_source
from mtl_keras.storage.locks import one_writer
from mtl_keras.storage.run_folder import START
from mtl_keras.training.begun_run import BegunRun
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.materials import Materials
from mtl_keras.training.solving.depth import chosen_levels, depth_record
from mtl_keras.training.stage_callbacks import checked_callbacks

START_FROM = "start_from"  # in the run's record: the run whose weights it began with
DEPTH = "depth"  # in the run's record: which level each task reads that left it open, and why


def train(
    recipe: Recipe,
    folder: str | Path,
    datasets: Mapping[str, TaskDataset] | None = None,
    *,
    resume: bool = False,
    report: Callable[[str], None] = show,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a recipe and writes the run folder.

    Every `checkpoint_minutes`, after each stage, and before SIGTERM or Ctrl-C ends it, a checkpoint
    is kept in the folder. With `resume` a training continues from the last one, whatever ended it,
    and ends as one that was never interrupted: the same bits in weights, history and metrics.

    If several workers train together (`strategy`), each calls this; the first, the chief, writes
    the folder, which others read when they resume.

    Args:
        recipe: what to train.
        folder: folder of the run; new or empty.
        datasets: task name → its dataset, if they are open already.
        resume: whether to resume a run that has begun in the folder; if none has, one begins.
        report: receives what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Raises:
        InputError: data, encoder or plan do not fit; another process writes in the folder; a run
            to resume has other data, or another recipe or encoder, than it began with.
        WorkError: the run cannot be written; another worker is gone.
        SystemExit: SIGTERM came (status 143).
    """
    callbacks = checked_callbacks(callbacks)
    workers = Workers(strategy_of(recipe.strategy))
    _check_workers(workers, recipe)
    if not workers.is_chief:
        report, verbose = _silent, 0
    with workers.together(), workers.own_folder(folder, resume=resume) as own_folder:
        run = Run(own_folder)
        if resume:
            recipe = in_begun_order(run, recipe)
        else:
            run.check_free()
        make_reproducible(recipe)
        datasets = _of_recipe(datasets or open_datasets(recipe), recipe)
        as_source = not resume or normalizes_as_source(run)
        with workers.strategy.scope():
            encoder = load_encoder(recipe, as_in_0_1_0=not as_source)
            depth = _depth(run, recipe, encoder, datasets, report)
            levels = {name: of_task["reads"] for name, of_task in depth.items()}
            model = build_model(recipe, datasets, encoder, levels, as_in_0_1_0=not as_source)
        facts = {DEPTH: depth, LEFT_OUT: _left_out(encoder, model.branches.deepest, report)}
        facts |= _started(recipe, model, report)
        materials = Materials.of(recipe, datasets, model)
        with one_writer(run.folder), Interruption(workers.agree).listening() as interruption:
            begun = BegunRun.of(
                run, materials, workers, interruption, facts, resume=resume, report=report
            )
            begun.train(report, verbose, callbacks)
            end(run)
    return Run(folder)


def make_reproducible(recipe: Recipe) -> None:
    """Seeds this process; for a `deterministic` recipe it runs only deterministic operations."""
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()


def _depth(
    run: Run,
    recipe: Recipe,
    encoder: TextEncoder,
    datasets: Mapping[str, TaskDataset],
    report: Callable[[str], None],
) -> dict[str, dict]:
    """Returns task → its chosen level and each level's score, if it left the level open.

    A run that has begun keeps the levels that it began with.
    """
    if run.has_begun:
        of_run: dict[str, dict] = run.read_json(START).get(DEPTH, {})
        return of_run
    solutions = chosen_levels(encoder, datasets, seed=recipe.seed, report=report)
    return depth_record(solutions, datasets)


def _left_out(
    encoder: TextEncoder, used: TextEncoder, report: Callable[[str], None]
) -> dict[str, float] | None:
    """Reports, and returns, facts of the blocks that no head needs; None if there are none."""
    left_out = LeftOut.of(encoder, used)
    if not left_out.blocks:
        return None
    report(left_out.in_words())
    return left_out.to_json()


def _started(
    recipe: Recipe, model: MultiTaskModel, report: Callable[[str], None]
) -> dict[str, Any]:
    """Reports, and returns, facts of the run that this one started from."""
    start = StartingRun.of(recipe)
    if start is None:
        return {}
    record = start.record(model)
    report(in_words(record))
    return {START_FROM: record}


def _check_workers(workers: Workers, recipe: Recipe) -> None:
    if recipe.jit_compile and workers.count > 1:
        raise InputError(
            f"{recipe.path}: jit_compile: XLA compiles no step of several workers; leave it out"
        )


def _of_recipe(datasets: Mapping[str, TaskDataset], recipe: Recipe) -> dict[str, TaskDataset]:
    """Returns the datasets in the order of the recipe's tasks, which is the model's order."""
    return {task.name: datasets[task.name] for task in recipe.tasks}


def _silent(line: str) -> None:
    """Discards the line: only the chief reports."""
