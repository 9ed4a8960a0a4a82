"""Keras callbacks that follow several stages, each of which is a `fit` of its own."""

from collections.abc import Iterable
from typing import Any

import keras

from mtl_keras.errors import InputError, shown


def checked_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Callbacks as a list, given in the forms that `fit` takes.

    Raises:
        InputError: one is no callback, or would resume a single `fit`.
    """
    if callbacks is None:
        return []
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in given:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks takes Keras callbacks. Received: {shown(callback)}")
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise InputError(
                "callbacks: BackupAndRestore resumes one fit, and each stage is one; leave it out: "
                "with a folder for the run, an interrupted training resumes by itself"
            )
    return given


def keep_logs(callbacks: Iterable[keras.callbacks.Callback]) -> None:
    """Makes a CSVLogger append to its file; otherwise it would overwrite it in each stage."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.append = True
