"""Keras's `fit` over what is left of a stage."""

import functools
from collections.abc import Sequence

import keras

from mtl_keras.plans.stage import Stage
from mtl_keras.training.checkpointing import Progress


def fit(
    training,
    stage: Stage,
    progress: Progress,
    verbose: int | str,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains the epochs of a stage that are left, the begun one first.

    Args:
        training: a `Training` whose stage has begun.
        stage: that one.
        progress: where it is; kept up to date by one of the callbacks.
        verbose: as in Keras.
        callbacks: told of everything.
    """
    of_epochs = functools.partial(
        training.model.fit,
        validation_data=training.validation_batches,
        verbose=verbose,
        callbacks=callbacks,
    )
    with training.interruption.can_wait():
        if progress.step == training.steps:
            _validate(training, progress.epoch, callbacks)
        elif progress.step:
            of_epochs(
                training.batches_from(progress),
                initial_epoch=progress.epoch,
                epochs=progress.epoch + 1,
                steps_per_epoch=stage.steps_per_epoch and training.steps - progress.step,
            )
        last = progress.first_epoch + stage.epochs
        if not progress.is_over and progress.epoch < last:
            of_epochs(  # by one iterator: to make one takes long, and Keras would for each epoch
                training.batches_from(progress).repeat(),
                initial_epoch=progress.epoch,
                epochs=last,
                steps_per_epoch=training.steps,
            )


def _validate(training, epoch: int, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """The end of an epoch that was left when all its steps were done."""
    model = training.model
    called = keras.callbacks.CallbackList(callbacks, model=model)
    model.stop_training = False
    called.on_train_begin()
    called.on_epoch_begin(epoch)
    logs = model.get_metrics_result()
    found = model.evaluate(training.validation_batches, callbacks=called, return_dict=True)
    logs |= {f"val_{name}": value for name, value in found.items()}
    called.on_epoch_end(epoch, logs)
    called.on_train_end(logs)
