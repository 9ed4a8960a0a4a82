"""Stages on a model that a program holds, by the engine that trains recipes."""

import dataclasses
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from mtl_keras.data.schedules import Schedule
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import show
from mtl_keras.distribution.strategies import Workers
from mtl_keras.errors import InputError, shown
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import MEAN, Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.run import LEFT_OUT, Run
from mtl_keras.runs.unfinished import end
from mtl_keras.storage.locks import one_writer
from mtl_keras.training.begun_run import BegunRun, reported_findings
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_callbacks import checked_callbacks
from mtl_keras.training.staged_history import StagedHistory
from mtl_keras.training.trainer import Trainer

NO_SOURCE = "an encoder without a source"


def fit_stages(
    model: MultiTaskModel,
    stages: Sequence[Stage] | TrainingPlan | str,
    datasets: Mapping[str, TaskDataset] | None = None,
    *,
    patience: int | None = None,
    folder: str | Path | None = None,
    batch_size: int = 32,
    schedule: Schedule | str = "proportional",
    loss_weights: Mapping[str, float] | None = None,
    restore: str | None = MEAN,
    seed: int = 0,
    report: Callable[[str], None] = show,
    verbose: int | str = "auto",
    callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
) -> StagedHistory:
    """Trains a model in stages as `mtl_keras.train` does: what frozen layers compute is kept,
    frozen weights are proved unchanged, and the model ends with the weights that are best on
    validation. Afterwards it is not compiled: Keras's `fit` needs `compile` first.

    Args:
        model: what is trained.
        stages: one after another; or a training plan, or the name of one.
        datasets: task → its data; None: those that the model's tasks were declared with.
        patience: of the stages that set none and do not solve heads.
        folder: gets a run (`mtl_keras.Run`) with checkpoints. If the training is interrupted, the
            same call resumes from the last one. None: nothing is kept.
        batch_size: examples a batch.
        schedule: which task trains next.
        loss_weights: task → factor of its loss.
        restore: whose best weights the model ends with: a task's, those of the `mean`, or None for
            the last.
        seed: of the order of the examples.
        report: receives what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Returns:
        A record a stage, with `plot()`.

    Raises:
        InputError: stages that do not fit the model, data that are against their task, a task
            without data, a folder that holds something else.
        WorkError: a frozen group moved, or one that trains did not.
    """
    callbacks = checked_callbacks(callbacks)
    opened = _with_examples(model, datasets)
    recipe = Recipe(
        encoder=model.encoder.source or NO_SOURCE,
        max_length=model.encoder.tokenizer.max_length,
        tasks=[opened[name].task for name in model.tasks],
        plan=_plan(stages, patience),
        batch_size=batch_size,
        schedule=schedule,  # type: ignore[arg-type]  # a name becomes a value
        loss_weights=loss_weights or {},
        restore=restore,
        seed=seed,
    )
    recipe.plan.stages(list(model.layer_groups))
    materials = Materials.of(recipe, opened, model)
    following: dict[str, Any] = {"verbose": verbose, "callbacks": callbacks}
    if folder is None:
        trainer, run = _train(materials, report, **following), None
    else:
        run = _run_in(folder)
        trainer = _train_into(run, materials, report, **following)
    model.start_above(None)
    model.optimizer, model.compiled = None, False  # its state is of other weights
    measures = [f"{name}_{task.metric}" for name, task in model.tasks.items()]
    best, drift = trainer.selection.best, trainer.drift()
    model.in_stages = StagedHistory(trainer.finished, measures, best, drift, run, str(recipe.plan))
    return model.in_stages


def _with_examples(
    model: MultiTaskModel, datasets: Mapping[str, TaskDataset] | None
) -> dict[str, TaskDataset]:
    """Every task's data, which have what is trained on, and what judges it."""
    opened = model.datasets(datasets, needed=model.tasks)
    for dataset in opened.values():
        for split in ("train", "validation"):
            dataset.check_split(split)
    return opened


def _run_in(folder: Any) -> Run:
    if not isinstance(folder, str | os.PathLike):
        raise InputError(f"folder must be a path. Received: {shown(folder)}")
    return Run(os.fspath(folder))


def _train(materials: Materials, report: Callable[[str], None], **following: Any) -> Trainer:
    reported_findings(materials, report)
    with tempfile.TemporaryDirectory() as best:
        trainer = Trainer(materials, best)
        with materials.model.distribute_strategy.scope():
            trainer.run_stages(report=report, **following)
    return trainer


def _train_into(
    run: Run, materials: Materials, report: Callable[[str], None], **following: Any
) -> Trainer:
    """Trains as `train` does; resumes a run that has begun in the folder."""
    resume = run.has_begun and not run.is_finished
    if not resume:
        run.check_free()
    workers = Workers(materials.model.distribute_strategy)
    with one_writer(run.folder), Interruption(workers.agree).listening() as interruption:
        begun = BegunRun.of(
            run, materials, workers, interruption, {LEFT_OUT: None}, resume=resume, report=report
        )
        begun.train(report, **following)
        end(run)
    return begun.trainer


def _plan(stages: Sequence[Stage] | TrainingPlan | str, patience: int | None) -> TrainingPlan:
    is_number = isinstance(patience, int) and not isinstance(patience, bool)
    if patience is not None and not is_number:
        raise InputError(f"patience must be a whole number from 1. Received: {shown(patience)}")
    if isinstance(stages, str):
        stages = TrainingPlan(stages)
    if isinstance(stages, TrainingPlan):
        given = tuple(_with_patience(stage, patience) for stage in stages.given)
        template = _with_patience(stages.template, patience)
        return dataclasses.replace(stages, template=template, given=given)
    is_list = isinstance(stages, Sequence) and bool(stages)
    if not is_list or not all(isinstance(stage, Stage) for stage in stages):
        raise InputError(
            "stages must be a list of Stage(…), a TrainingPlan or the name of one. Received: "
            f"{shown(stages)}"
        )
    return TrainingPlan.of(_with_patience(stage, patience) for stage in stages)


def _with_patience(stage: Stage, patience: int | None) -> Stage:
    if patience is None or stage.patience is not None or stage.solve:
        return stage
    return dataclasses.replace(stage, patience=patience)
