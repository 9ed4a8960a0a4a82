"""A training's state taken and put back; and its end where the loss is no number."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import numpy as np

from mtl_keras.errors import InputError, WorkError
from mtl_keras.models.variables import put, trained_variables, views, weight_variables
from mtl_keras.training.checkpointing import Checkpointing, Progress
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.nan_diagnosis import explain
from mtl_keras.training.training_state import TrainingState


def state_of(
    training, progress: Progress, fingerprint: Fingerprint, metrics: Mapping[str, np.ndarray]
) -> TrainingState:
    """All that the next step of a `Training` depends on.

    Args:
        training: between two steps.
        progress: where its stage is.
        fingerprint: of the model as the stage began.
        metrics: what the epoch has measured so far.
    """
    return TrainingState(
        progress=progress,
        stages=training.finished,
        selection=training.selection.to_json(),
        fingerprint=fingerprint,
        features=training.features.kept,
        compilation=training.compilation,
        variables=views(trained_variables(training.model, training.selection.groups)),
        metrics=metrics,
        start=training.start,
        snapshots=training.frozen_as,
    )


def go_back_to_the_start(training, state: TrainingState, report: Callable[[str], None]) -> None:
    """The weights as the stage began, and the features that the stages before left it.

    Which features are made from which, and in what type of number, depends on the stages before;
    so those are made again in the same order.
    """
    index, training.epochs_done = state.progress.stage, state.progress.first_epoch
    weights = weight_variables(training.model, training.selection.groups)
    put(weights, state.start or state.variables)
    first = index
    while first and training.levels(index)[0] and training.levels(first - 1)[0]:
        first -= 1
    for before in range(first, index):
        training.features.prepare(*training.levels(before), report)


def go_on(training, state: TrainingState, frozen: Sequence[str]) -> Fingerprint:
    """Everything else as it was, once the stage has begun again.

    Args:
        training: its stage frozen, compiled and protected as it began.
        state: what is put back.
        frozen: the layer groups that the stage froze.

    Returns:
        The model's fingerprint as the stage began.

    Raises:
        InputError: the encoder is another, or the best weights are gone.
        WorkError: the features cannot be kept as they were.
    """
    now = Fingerprint.of(training.model).weights
    if any(now[group] != state.fingerprint.weights[group] for group in frozen):
        raise InputError(
            f"{training.recipe.encoder}: other weights than this run began with; restore them, or "
            "begin a new run"
        )
    if training.features.kept != dict(state.features):
        raise WorkError(
            f"the features of frozen layers were kept as {state.features or 'nothing'}, there is "
            f"room for {training.features.kept or 'nothing'} now; make room to go on exactly"
        )
    put(trained_variables(training.model, training.selection.groups), state.variables)
    training.selection.set_model(training.model)
    training.selection.go_on(state.selection)
    training.start, training.frozen_as = state.start, dict(state.snapshots)
    return state.fingerprint


def follow(
    training, progress: Progress, fingerprint: Fingerprint, metrics: Mapping[str, np.ndarray]
) -> Checkpointing:
    """The callback that keeps a stage's checkpoints where the training does.

    Args:
        training: its stage begun.
        progress: where the stage is.
        fingerprint: of the model as the stage began.
        metrics: what the begun epoch had measured.
    """

    def save(measured: Mapping[str, np.ndarray]) -> None:
        if training.checkpoints is None:
            return
        state = state_of(training, progress, fingerprint, measured)
        if state.is_good:  # else the next step ends the run, and the last good one stays
            training.checkpoints.save(state.to_file())

    return Checkpointing(
        progress,
        training.steps,
        begin_epoch=training.batches.begin_epoch,
        save=save,
        give_up=functools.partial(give_up, training, progress),
        minutes=training.recipe.checkpoint_minutes,
        interruption=training.interruption,
        metrics=metrics,
    )


def give_up(training, progress: Progress, logs: Mapping[str, float]) -> NoReturn:
    """Ends a training whose loss is no finite number; its last checkpoint stays.

    Raises:
        WorkError: where it was, on which task's rows, and why.
    """
    training.batches.begin_epoch(progress.epoch)
    batch = next(iter(training.batches_from(progress).take(1)))
    losses = {name: logs[f"{name}_loss"] for name in training.model.tasks}
    tokenizer, rates = training.model.encoder.tokenizer, training.model.optimizer.rates
    said = explain(batch, losses, training.datasets, tokenizer, rates)
    raise WorkError(f"after {progress} the loss was {logs['loss']}, {said}")
