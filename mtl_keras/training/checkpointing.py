"""The progress of a stage of training, and the callback that writes its checkpoints."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from mtl_keras.models.variables import metric_variables, put, values
from mtl_keras.training.interruptions import Interruption


@dataclass
class Progress:
    """The progress of a stage.

    Args:
        stage: index of the stage.
        first_epoch: number of epochs of the stages before.
        epoch: the current epoch, counted over all stages.
        step: steps done in the current epoch.
        is_over: whether the stage has ended.
        history: name → a value per epoch of the stage.
        seconds: seconds of training so far, over all processes.
    """

    stage: int
    first_epoch: int
    epoch: int
    step: int = 0
    is_over: bool = False
    history: dict[str, list[float | None]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, measured: Mapping[str, Any]) -> None:
        """Adds an epoch's values; a value that is not finite, such as an undefined metric, is None.

        Callbacks may add names of their own; epochs that lack one have None too.
        """
        before = self.epoch - self.first_epoch
        for name in dict.fromkeys((*self.history, *measured)):
            value = measured.get(name)
            plain = value.item() if isinstance(value, np.generic | np.ndarray) else value
            if isinstance(plain, float) and not math.isfinite(plain):
                plain = None
            self.history.setdefault(name, [None] * before).append(plain)

    def __str__(self) -> str:
        return f"stage {self.stage + 1}, epoch {self.epoch + 1}, step {self.step}"

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


class Checkpointing(keras.callbacks.Callback):
    """Follows a stage; saves it every few minutes, at its end, and when it must stop.

    A checkpoint may be taken between any two steps. One taken during validation keeps the
    metrics of the epoch's training; a resumed run repeats the validation.

    Args:
        progress: where the stage is; kept up to date.
        steps: number of steps of an epoch.
        begin_epoch: called with the number of each epoch before its first batch is made.
        save: called with the current values of the training metrics.
        give_up: called with the logs at a step whose loss is not finite; raises an error.
        minutes: minutes between two calls of `save`.
        interruption: asked after each step.
        metrics: values to continue with, if the stage resumes inside an epoch.
    """

    def __init__(
        self,
        progress: Progress,
        steps: int,
        *,
        begin_epoch: Callable[[int], None],
        save: Callable[[Mapping[str, np.ndarray]], None],
        give_up: Callable[[Mapping[str, float]], None],
        minutes: float,
        interruption: Interruption,
        metrics: Mapping[str, np.ndarray],
    ):
        super().__init__()
        self.progress = progress
        self.steps = steps
        self.begin_epoch = begin_epoch
        self.save = save
        self.give_up = give_up
        self.seconds_between = 60 * minutes
        self.interruption = interruption
        self._going_on_with: Mapping[str, np.ndarray] = metrics
        self._before_validation: Mapping[str, np.ndarray] = {}
        self._saved = self._counted = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Mapping | None = None) -> None:
        self.progress.epoch = epoch
        self.begin_epoch(epoch)
        if self.progress.step:
            put(metric_variables(self.model), self._going_on_with)

    def on_train_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        if logs and not math.isfinite(float(logs["loss"])):
            measured = self.model.get_metrics_result()  # the logs of a worker have the loss alone
            self.give_up({name: float(value) for name, value in measured.items()})
        self.progress.step += 1
        self.interruption.settle()
        if self.progress.step < self.steps:
            self._keep(lambda: values(metric_variables(self.model)))

    def on_test_begin(self, logs: Mapping | None = None) -> None:
        self._before_validation = values(metric_variables(self.model))
        self.interruption.settle()
        self._keep(lambda: self._before_validation)

    def on_test_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        self.interruption.settle()
        if self.interruption.is_wanted:
            self._keep(lambda: self._before_validation)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.progress.add(logs or {})
        self.progress.epoch, self.progress.step = epoch + 1, 0
        self.progress.is_over = self.model.stop_training
        self._keep(dict)

    def on_train_end(self, logs: Mapping | None = None) -> None:
        self._count_seconds()

    def finish(self) -> None:
        """Marks the stage as ended and saves it."""
        self.progress.is_over = True
        self.save({})

    def _keep(self, metrics: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Saves a checkpoint if one is due, and stops training if a signal asked for it."""
        is_due = time.monotonic() - self._saved >= self.seconds_between
        if is_due or self.interruption.is_wanted:
            self._count_seconds()
            self.save(metrics())
            self._saved = time.monotonic()
        if self.interruption.is_wanted:
            self.interruption.stop()

    def _count_seconds(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self._counted
        self._counted = now
