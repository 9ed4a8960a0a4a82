"""Interrupts a training at a chosen moment, and compares what came of two."""

import keras
import numpy as np

import mtl_keras as mtl
from mtl_keras.runs.run import Run


class Killed(BaseException):
    """Stands for SIGKILL: nothing can take it for an error."""


class At(keras.callbacks.Callback):
    """Does something at a `moment` (a method of callbacks) of this batch, the `time`-th time."""

    def __init__(self, moment: str, batch: int, act, time: int = 1):
        super().__init__()
        self.times = 0

        def when(at: int, logs=None) -> None:
            self.times += at == batch
            if at == batch and self.times == time:
                act()

        setattr(self, moment, when)


def kill(*arguments):
    raise Killed


def results(run: Run) -> tuple:
    """History without what a clock says, metrics, and every bit of last and best weights."""
    history, model = run.read_json("history.json"), mtl.load_model(run.folder / "model.keras")
    for stage in history["stages"]:
        for name in [name for name in stage if name.endswith("seconds")]:
            del stage[name]
    best = {path.name: path.read_bytes() for path in (run.folder / "best").iterdir()}
    bits = [np.array(variable.numpy()).tobytes() for variable in model.weights]
    return history, run.read_json("metrics.json"), bits, best
