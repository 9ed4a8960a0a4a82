"""From a recipe to a run: data, model, stages, and the folder that holds what came of them."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.data.audit import audit
from mtl_keras.data.findings import Finding
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import show
from mtl_keras.distribution.strategies import Workers, strategy_of
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import build_model, load_encoder, open_datasets
from mtl_keras.runs.left_out import LeftOut
from mtl_keras.runs.provenance import provenance
from mtl_keras.runs.run import (
    AUDIT,
    BEST,
    HISTORY,
    LEFT_OUT,
    LOGS,
    METRICS,
    MODEL,
    RECORD,
    START,
    TABLE,
    Run,
)
from mtl_keras.runs.unfinished import (
    CHANGES,
    NORMALIZES,
    UNITS,
    begin,
    changes_of,
    check_data,
    checkpoints_of,
    end,
    in_begun_order,
    normalizes_as_source,
)
from mtl_keras.storage.locks import one_writer
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.materials import Materials
from mtl_keras.training.monitoring import HistoryTable, TensorBoardLogs
from mtl_keras.training.solving.depth import chosen_levels, depth_record
from mtl_keras.training.trainer import Trainer

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
    is kept in the folder. With `resume` a training goes on from the last one, whatever ended it,
    and ends as one that was never interrupted: the same bits in weights, history and metrics.

    If several workers train together (`strategy`), each calls this; the first, the chief, writes
    the folder, which others read when they resume.

    Args:
        recipe: what to train.
        folder: where the run goes; new or empty.
        datasets: task name → its files, if they are open already.
        resume: whether a run that has begun in the folder goes on; if none has, one begins.
        report: receives what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Raises:
        InputError: data, encoder or plan do not fit; another process writes in the folder; a run
            that should go on has other data, or another recipe or encoder, than it began with.
        WorkError: the run cannot be written; another worker is gone.
        SystemExit: SIGTERM came (status 143).
    """
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
        facts = {DEPTH: depth, LEFT_OUT: _left_out(encoder, model.encoder, report)}
        materials = Materials.of(recipe, datasets, model)
        with one_writer(run.folder), Interruption(workers.agree).listening() as interruption:
            begun = _begin(
                run, materials, workers, interruption, facts, resume=resume, report=report
            )
            begun.train(report, verbose, callbacks)
            end(run)
    return Run(folder)


def make_reproducible(recipe: Recipe) -> None:
    """Seeds this process; for a `deterministic` recipe it runs deterministic operations alone."""
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
    """Task → the level that it reads, and what each level reached, if it left the level open.

    A run that has begun keeps the levels that it began with.
    """
    if run.has_begun:
        of_run: dict[str, dict] = run.read_json(START).get(DEPTH, {})
        return of_run
    return depth_record(chosen_levels(encoder, datasets, seed=recipe.seed, report=report))


def _left_out(
    encoder: TextEncoder, used: TextEncoder, report: Callable[[str], None]
) -> dict[str, float] | None:
    """What a run keeps of the blocks above all heads, which it reports; None if there are none."""
    left_out = LeftOut.of(encoder, used)
    if not left_out.blocks:
        return None
    report(left_out.in_words())
    return left_out.to_json()


def _check_workers(workers: Workers, recipe: Recipe) -> None:
    if recipe.jit_compile and workers.count > 1:
        raise InputError(
            f"{recipe.path}: jit_compile: XLA compiles no step of several workers; leave it out"
        )


def _of_recipe(datasets: Mapping[str, TaskDataset], recipe: Recipe) -> dict[str, TaskDataset]:
    """The tasks' files in the order of the recipe's tasks, which the model follows."""
    return {task.name: datasets[task.name] for task in recipe.tasks}


def _silent(line: str) -> None:
    """Discards the line: only the chief reports."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _BegunRun:
    """A run that has begun in its folder, ready to train.

    Args:
        run: its folder.
        materials: recipe, files and model.
        trainer: at the first stage, or where a checkpoint has it.
        workers: that train it.
        facts: its provenance.
        audit: what is to know of the examples.
    """

    run: Run
    materials: Materials
    trainer: Trainer
    workers: Workers
    facts: Mapping
    audit: Sequence[Finding]

    def train(
        self,
        report: Callable[[str], None],
        verbose: int | str,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """Trains all stages and writes the run's files."""
        table = HistoryTable(self.run.folder / TABLE, self.trainer.histories)
        tasks = self.materials.model.tasks
        logs = TensorBoardLogs(self.run.folder / LOGS, tasks, self.trainer.histories)
        try:
            with self.workers.strategy.scope():
                self.trainer.run_stages(
                    report=report,
                    verbose=verbose,
                    callbacks=callbacks,
                    watchers=[table, logs],
                    at_end=functools.partial(self._check_data, self.workers.agree),
                )
            table.write()
            logs.write()
            if self.workers.is_chief:
                self._write()
        except (KeyboardInterrupt, SystemExit):
            report(f"{self.run.folder}: interrupted; --resume continues it")
            raise

    def _check_data(self, agree: Callable[[int], int] = lambda number: number) -> None:
        check_data(self.run, self.materials.datasets, self.materials.recipe.path.parent, agree)

    def _write(self) -> None:
        """Evaluates the model and writes the run's files, `run.json` last."""
        run, trainer, recipe = self.run, self.trainer, self.materials.recipe
        model, datasets = self.materials.model, self.materials.datasets
        best = trainer.selection.best
        history = {"stages": trainer.finished, "best": best, "drift": trainer.drift()}
        run.write_json(HISTORY, history)
        features = self.materials.features.look_up()
        metrics: dict[str, Any] = {
            "validation": evaluate_all(model, datasets, "validation", features),
            "test": evaluate_all(model, datasets, "test"),
        }
        if self.audit:
            metrics[AUDIT] = [finding.to_json() for finding in self.audit]
        run.write_json(METRICS, metrics)
        # The optimizer's state is twice the weights, and not of the best ones, which were put back.
        model.optimizer, model.compiled = None, False
        run.write(MODEL, model.save)
        self._check_data()
        record = {
            "recipe_folder": str(recipe.path.parent),
            "plan": str(recipe.plan),
            "tasks": {name: task.get_config() for name, task in model.tasks.items()},
            "examples": {name: dict(dataset.counts) for name, dataset in datasets.items()},
            "seed": recipe.seed,
            **self.facts,
            CHANGES: changes_of(run),
        }
        run.write_json(RECORD, record)


def _begin(
    run: Run,
    materials: Materials,
    workers: Workers,
    interruption: Interruption,
    of_encoder: Mapping[str, Any],
    *,
    resume: bool,
    report: Callable[[str], None],
) -> _BegunRun:
    """Begins a run in its folder, or resumes the one that has begun there."""
    recipe = materials.recipe
    devices = workers.strategy.num_replicas_in_sync
    units = dict(zip(UNITS, (workers.count, devices), strict=True))
    facts = units | provenance(materials.datasets, recipe.path.parent)
    facts |= {NORMALIZES: not resume or normalizes_as_source(run), **of_encoder}
    workers.check_same(json.dumps(facts["data"]), "data")
    has_begun = begin(run, recipe.as_written, facts, resume=resume, report=report)
    trainer = Trainer(materials, run.folder / BEST, checkpoints_of(run), interruption)
    if has_begun:
        trainer.resume(report)
    workers.check_same(str(trainer.resumed_at), "run folders")
    findings = _findings(materials, report) if workers.is_chief else ()
    return _BegunRun(
        run=run,
        materials=materials,
        trainer=trainer,
        workers=workers,
        facts=facts,
        audit=findings,
    )


def _findings(materials: Materials, report: Callable[[str], None]) -> tuple[Finding, ...]:
    """What is to know of the examples, which it reports."""
    findings = audit(materials.datasets, materials.model.encoder.tokenizer)
    for finding in findings:
        report(f"warning: {finding.in_words()}")
    return findings
