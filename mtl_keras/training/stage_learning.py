"""The two ways to learn in a stage: by steps over batches, or by solving the heads."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from mtl_keras.plans.layer_groups import head_group
from mtl_keras.plans.stage import Stage
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.solving.heads import solve_heads
from mtl_keras.training.stage_setup import StageSetup

Report = Callable[[str], None]
Callbacks = Sequence[keras.callbacks.Callback]
Learning = Callable[[StageSetup, Progress, Callbacks, Report, Any], None]


def learning_of(stage: Stage) -> Learning:
    """Returns the function by which the model learns in a stage: `fit` or `solve`."""
    return solve if stage.solve else fit


def fit(
    setup: StageSetup,
    progress: Progress,
    callbacks: Callbacks,
    report: Report,
    verbose: int | str = "auto",
) -> None:
    """Trains the remaining epochs of a stage by Keras's `fit`, the begun one first.

    Args:
        setup: setup of the stage.
        progress: progress of the stage; one of the callbacks updates it.
        callbacks: as in Keras.
        report: receives nothing; Keras shows the progress.
        verbose: as in Keras.
    """
    fit_epochs = functools.partial(
        setup.materials.model.fit_batches,
        validation_data=setup.validation_batches,
        verbose=verbose,
        callbacks=callbacks,
    )
    stage = setup.stage
    if progress.step == setup.steps:
        _validate(setup, progress.epoch, callbacks, setup.materials.model.get_metrics_result())
    elif progress.step:
        fit_epochs(
            setup.batches_from(progress),
            initial_epoch=progress.epoch,
            epochs=progress.epoch + 1,
            steps_per_epoch=stage.steps_per_epoch and setup.steps - progress.step,
        )
    last = progress.first_epoch + stage.epochs
    if not progress.is_over and progress.epoch < last:
        fit_epochs(  # by one iterator: to make one takes long, and Keras would for each epoch
            setup.batches_from(progress).repeat(),
            initial_epoch=progress.epoch,
            epochs=last,
            steps_per_epoch=setup.steps,
        )


def solve(
    setup: StageSetup,
    progress: Progress,
    callbacks: Callbacks,
    report: Report,
    verbose: int | str = "auto",
) -> None:
    """Solves the heads that the stage does not freeze; this counts as one epoch.

    Args:
        setup: setup of the stage.
        progress: progress of the stage: before its epoch, or, if resumed, after it.
        callbacks: as in Keras; called as for one epoch.
        report: receives a line per task.
        verbose: as in Keras.
    """
    if progress.is_over or progress.epoch > progress.first_epoch:
        return
    materials = setup.materials
    tasks = [
        name
        for name in setup.stage.trained_tasks(tuple(materials.model.tasks))
        if head_group(name) not in setup.frozen
    ]
    losses = solve_heads(
        materials.model, materials.datasets, tasks, seed=materials.recipe.seed, report=report
    )
    weights = materials.model.loss_weights
    total = sum(weights[name] * loss for name, loss in losses.items())
    logs = {"loss": total} | {f"{name}_loss": loss for name, loss in losses.items()}
    _validate(setup, progress.epoch, callbacks, logs)


def _validate(setup: StageSetup, epoch: int, callbacks: Callbacks, logs: Mapping[str, Any]) -> None:
    """Validates, and ends an epoch whose training is done and has these logs."""
    model = setup.materials.model
    called = keras.callbacks.CallbackList(callbacks, model=model)
    model.stop_training = False
    called.on_train_begin()
    called.on_epoch_begin(epoch)
    measured = model.evaluate(setup.validation_batches, callbacks=called, return_dict=True)
    logs = {**logs, **{f"val_{name}": value for name, value in measured.items()}}
    called.on_epoch_end(epoch, logs)
    called.on_train_end(logs)
