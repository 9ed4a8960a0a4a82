"""What each epoch reached, for somebody who watches: loss, metric, best so far, time left."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras

from mtl_keras.data.task import Task
from mtl_keras.plans.stage import Stage


@dataclass(frozen=True)
class TaskRow:
    """A task in an epoch.

    Args:
        name: of the task.
        metric: the name of the metric that judges it.
        loss: of training; None if the task did not train.
        value: of the metric on validation; None if it is undefined.
        best: the best value so far; None if there is none.
        is_best: whether this epoch's value is the best.
    """

    name: str
    metric: str
    loss: float | None
    value: float | None
    best: float | None
    is_best: bool


@dataclass(frozen=True)
class EpochRow:
    """An epoch.

    Args:
        epoch: its number, from 1.
        epochs: how many all stages have at most.
        loss: of training, over all tasks.
        tasks: a row a task.
        seconds: that the epoch took.
        seconds_left: that all further epochs take if they take as long as this one.
    """

    epoch: int
    epochs: int
    loss: float | None
    tasks: tuple[TaskRow, ...]
    seconds: float
    seconds_left: float


class Watcher(Protocol):
    """Shows the progress of a training."""

    def show_epoch(self, row: EpochRow) -> None:
        """Shows an epoch that has ended."""

    def show_step(self, what: str, done: int, of: int | None) -> None:
        """Shows how far the work is; `of` is None if nobody knows."""


class EpochRows(keras.callbacks.Callback):
    """Reports each step and each epoch to a watcher.

    Args:
        watcher: shows them.
        tasks: name → task.
        before: what was measured in the epochs before, by name, if a training is resumed.
    """

    def __init__(
        self,
        watcher: Watcher,
        tasks: Mapping[str, Task],
        before: Sequence[Mapping[str, float | None]] = (),
    ):
        super().__init__()
        self._watcher, self._tasks = watcher, tasks
        self._best: dict[str, float] = {}
        self._last = self._epoch = 0
        self._began = time.monotonic()
        for measured in before:
            self._rows(measured)

    def begin_stage(self, first_epoch: int, stages: Sequence[Stage]) -> None:
        """Says what comes: the epochs before this stage, then this stage and those after it."""
        self._last = first_epoch + sum(1 if stage.solve else stage.epochs for stage in stages)
        self._watcher.show_step("preparing", 0, None)

    def on_epoch_begin(self, epoch: int, logs: Mapping | None = None) -> None:
        self._epoch, self._began = epoch + 1, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        self._watcher.show_step(self._name, batch + 1, (self.params or {}).get("steps"))

    def on_test_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        self._watcher.show_step(f"{self._name}, validation", batch + 1, None)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        seconds = time.monotonic() - self._began
        measured = logs or {}
        row = EpochRow(
            epoch=epoch + 1,
            epochs=max(self._last, epoch + 1),
            loss=_defined(measured.get("loss")),
            tasks=self._rows(measured),
            seconds=seconds,
            seconds_left=seconds * max(0, self._last - epoch - 1),
        )
        self._watcher.show_epoch(row)

    def on_train_end(self, logs: Mapping | None = None) -> None:
        self._watcher.show_step("evaluating", 0, None)

    @property
    def _name(self) -> str:
        return f"epoch {self._epoch}/{max(self._last, self._epoch)}"

    def _rows(self, measured: Mapping[str, Any]) -> tuple[TaskRow, ...]:
        return tuple(self._row(name, task, measured) for name, task in self._tasks.items())

    def _row(self, name: str, task: Task, measured: Mapping[str, Any]) -> TaskRow:
        value = _defined(measured.get(f"val_{name}_{task.metric}"))
        sign = 1 if task.label_kind.higher_is_better else -1
        best = self._best.get(name)
        is_best = value is not None and (best is None or sign * value > sign * best)
        if is_best and value is not None:
            self._best[name] = value
        loss = _defined(measured.get(f"{name}_loss"))
        return TaskRow(name, task.metric, loss, value, self._best.get(name), is_best)


def _defined(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
