"""Monitors of training: a table of the history, logs for TensorBoard, a line every minute."""

import csv
import io
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from mtl_keras.display import show
from mtl_keras.storage.writing import write_whole

SECONDS = 60.0
SCALARS = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


class HistoryTable(keras.callbacks.Callback):
    """`history.csv`, a row an epoch: stage and epoch, counted from 1, and what was measured.

    Args:
        path: path of the file, which is rewritten after every epoch.
        histories: returns the stages' histories so far: name → a value per epoch.
    """

    def __init__(self, path: Path, histories: Callable[[], Sequence[Mapping[str, Sequence]]]):
        super().__init__()
        self.path = path
        self.histories = histories

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        self.write()

    def write(self) -> None:
        """Writes the table."""
        rows: list[dict] = []
        for stage, history in enumerate(self.histories(), 1):
            for measured in epochs([history]):
                rows.append({"stage": stage, "epoch": len(rows) + 1} | measured)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, lambda path: path.write_text(text.getvalue(), encoding="utf-8"))


def epochs(histories: Sequence[Mapping[str, Sequence]]) -> list[dict[str, float | None]]:
    """What was measured in each epoch, by name.

    Example:

    >>> epochs([{"loss": [0.5, 0.25]}, {"loss": [0.125]}])
    [{'loss': 0.5}, {'loss': 0.25}, {'loss': 0.125}]
    """
    return [
        dict(zip(history, values, strict=True))
        for history in histories
        for values in zip(*history.values(), strict=True)
    ]


class TensorBoardLogs(keras.callbacks.Callback):
    """Event files for TensorBoard: `train` and `validation`, with a tag `<task>/<metric>`.

    Writing them does not need TensorBoard's packages. A resumed training rewrites the values
    measured before, and removes the files of earlier processes.

    Args:
        folder: folder of the logs.
        tasks: names of the tasks.
        histories: returns the stages' histories so far: name → a value per epoch.
    """

    def __init__(
        self,
        folder: Path,
        tasks: Collection[str],
        histories: Callable[[], Sequence[Mapping[str, Sequence]]],
    ):
        super().__init__()
        self.folder = folder
        self.tasks = tasks
        self.histories = histories
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        self._written = 0
        self._before = list(folder.glob("*/events.out.tfevents.*"))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.write()

    def write(self) -> None:
        """Writes the epochs measured since the last call; of a resumed training all of them."""
        rows = epochs(self.histories())
        for step, measured in enumerate(rows[self._written :], self._written + 1):
            self._add(step, measured)
        self._written = len(rows)
        for writer in self._writers.values():
            writer.flush()
        for file in self._before if rows else ():
            file.unlink(missing_ok=True)
        self._before = self._before if not rows else []

    def _add(self, step: int, measured: Mapping[str, float | None]) -> None:
        for name, value in measured.items():
            if value is not None and not math.isnan(value):  # undefined
                split, tag = self._place(name)
                with self._writer(split).as_default():
                    tf.summary.write(tag, float(value), step, metadata=SCALARS)

    def _writer(self, split: str) -> tf.summary.SummaryWriter:
        if split not in self._writers:
            self._writers[split] = tf.summary.create_file_writer(str(self.folder / split))
        return self._writers[split]

    def _place(self, name: str) -> tuple[str, str]:
        """Returns the split and tag of a value. A task's name may be the beginning of another's."""
        plain = name.removeprefix("val_")
        for split, measured in (("train", name), ("validation", plain)):
            owners = [task for task in self.tasks if measured.startswith(f"{task}_")]
            if owners:
                task = max(owners, key=len)
                return split, f"{task}/{measured.removeprefix(f'{task}_')}"
        return ("train" if plain == name else "validation"), plain


class EveryMinute(keras.callbacks.Callback):
    """Reports training's progress in a line every minute, if no terminal shows a bar.

    Args:
        report: receives the line.
        seconds: seconds between two lines.
    """

    def __init__(self, report: Callable[[str], None] = show, seconds: float = SECONDS):
        super().__init__()
        self.report = report
        self.seconds = seconds
        self._reported = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Mapping | None = None) -> None:
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        loss = f", loss {float((logs or {})['loss']):.4f}" if logs else ""
        self._say(f"step {batch + 1} of {self.params['steps']}{loss}")

    def on_test_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        self._say(f"validation, batch {batch + 1}")

    def _say(self, where: str) -> None:
        if time.monotonic() - self._reported >= self.seconds:
            self.report(f"epoch {self._epoch}, {where}")
            self._reported = time.monotonic()
