"""From a recipe to a run: data, model, stages, and the folder that holds what came of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from mtl_keras.data.task_dataset import TaskDataset, row_errors
from mtl_keras.distribution.strategies import Workers, strategy_of
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.runs.provenance import provenance
from mtl_keras.runs.run import BEST, HISTORY, LOGS, METRICS, MODEL, RECORD, TABLE, Run
from mtl_keras.runs.unfinished import begin, checkpoints_of, end
from mtl_keras.storage.locks import one_writer
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.monitoring import HistoryTable, TensorBoardLogs
from mtl_keras.training.trainer import Training


def train(
    recipe: Recipe,
    folder: str | Path,
    datasets: Mapping[str, TaskDataset] | None = None,
    *,
    resume: bool = False,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a recipe and writes the run folder.

    Every `checkpoint_minutes`, after each stage, and before SIGTERM or Ctrl-C ends it, a checkpoint
    is kept in the folder. With `resume` a training goes on from the last one, whatever ended it,
    and ends as one that was never interrupted: the same bits in weights, history and metrics.

    Where several workers train together (`strategy`), each calls this; the first, the chief,
    writes the folder, which others read when they resume.

    Args:
        recipe: what to train.
        folder: where the run goes; new or empty.
        datasets: task name → its files, where they are open already.
        resume: whether a run that has begun in the folder goes on; where none has, one begins.
        report: told what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Raises:
        InputError: data, encoder or plan do not fit; another process writes in the folder; a run
            that should go on has other data, or another recipe or encoder, than it began with.
        WorkError: the run cannot be written; another worker is gone.
        SystemExit: SIGTERM came (status 143).
    """
    workers = Workers(strategy_of(recipe.strategy))
    if recipe.jit_compile and workers.count > 1:
        raise InputError(
            f"{recipe.path}: jit_compile: XLA compiles no step of several workers; leave it out"
        )
    if not workers.is_chief:
        report, verbose = _silent, 0
    with workers.together(), workers.own_folder(folder, resume=resume) as own_folder:
        run = Run(own_folder)
        if not resume:
            run.check_free()
        make_reproducible(recipe)
        datasets = datasets or open_datasets(recipe)
        with workers.strategy.scope():
            model = build_model(recipe, datasets)
        with one_writer(run.folder), Interruption(workers.agree).listening() as interruption:
            facts = provenance(datasets, recipe.path.parent)
            workers.check_same(json.dumps(facts["data"]), "data")
            has_begun = begin(run, recipe.path.read_bytes(), facts, resume=resume, report=report)
            training = Training(
                recipe, datasets, model, run.folder / BEST, checkpoints_of(run), interruption
            )
            if has_begun:
                training.resume(report)
            workers.check_same(str(training.resumed_at), "run folders")
            table = HistoryTable(run.folder / TABLE, training.histories)
            training.watchers = [table, TensorBoardLogs(run.folder / LOGS, model.tasks)]
            try:
                with workers.strategy.scope():
                    stages = run_stages(
                        training, report=report, verbose=verbose, callbacks=callbacks
                    )
                table.write()
                if workers.is_chief:
                    _write(run, training, stages, facts)
            except (KeyboardInterrupt, SystemExit):
                report(f"{run.folder}: interrupted; --resume goes on with it")
                raise
            end(run)
    return Run(folder)


def make_reproducible(recipe: Recipe) -> None:
    """Seeds this process; for a `deterministic` recipe it runs deterministic operations alone."""
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()


def run_stages(
    training: Training,
    *,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[dict]:
    """Trains all stages, puts back the best weights, and gives what `run_stage` says of each."""
    with row_errors(training.datasets.values()):
        for index in range(len(training.finished), len(training.stages)):
            training.run_stage(index, report=report, verbose=verbose, callbacks=callbacks)
    training.selection.restore(training.recipe.restore)
    return training.finished


def _write(run: Run, training: Training, stages: Sequence[Mapping], facts: Mapping) -> None:
    """Evaluates the model and writes the run's files, `run.json` last, with these facts."""
    model, datasets, recipe = training.model, training.datasets, training.recipe
    history = {"stages": list(stages), "best": training.selection.best, "drift": training.drift()}
    run.write_json(HISTORY, history)
    metrics = {
        "validation": evaluate_all(model, datasets, "validation", training.features.look_up()),
        "test": evaluate_all(model, datasets, "test"),
    }
    run.write_json(METRICS, metrics)
    # The optimizer's state is twice the weights, and not of the best ones, which were put back.
    model.optimizer, model.compiled = None, False
    run.write(MODEL, model.save)
    record = {
        "recipe_folder": str(recipe.path.parent),
        "plan": str(recipe.plan),
        "tasks": {name: each.task.get_config() for name, each in datasets.items()},
        "examples": {name: dict(each.counts) for name, each in datasets.items()},
        "seed": recipe.seed,
        **facts,
    }
    run.write_json(RECORD, record)


def _silent(line: str) -> None:
    """Others than the chief report nothing."""
