"""Early stopping, and the best weights of each task and of the tasks' mean."""

import functools
import itertools
import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import keras

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.models.variables import load_weights, save_weights
from mtl_keras.plans.layer_groups import only_of
from mtl_keras.plans.stage import MEAN, Stage
from mtl_keras.storage.writing import write_whole

LOWER_IS_BETTER = ("loss", "mae", "rmse")


class Selection(keras.callbacks.Callback):
    """Watches the validation metrics: keeps the best weights, ends stages, freezes done heads.

    A task is judged by its metric (`Task.metric`), `mean` by the mean of the tasks' metrics, an
    error such as `mae` counting as its negative. A metric that is undefined on the validation
    split judges nothing: it is in no mean, nothing waits for it, and no weights are kept for it.
    One object serves all stages; each stage counts its evaluations afresh, the best scores remain.

    Args:
        tasks: the judged tasks.
        folder: folder of the best weights: a file for every task and for the mean.
        groups: the layer groups that train in any stage; the others do not change and are not
            kept.
        on_done: called with a task whose head `freeze_when_done` is about to freeze.
        judged: the tasks whose mean is `mean`; None: all.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        folder: str | Path,
        groups: Collection[str],
        on_done: Callable[[str], None] = lambda task: None,
        judged: Collection[str] | None = None,
    ):
        super().__init__()
        self.tasks = tasks
        self.folder = Path(folder)
        self.groups = groups
        self.on_done = on_done
        self.judged = set(judged or tasks)
        self.best: dict[str, dict] = {}
        self.done: list[str] = []
        self._stage = Stage()
        self._waited: dict[str, int] = {}

    def begin(self, stage: Stage) -> None:
        """Begins the next stage; its patience counts from now."""
        self._stage = stage
        self._waited = {}
        self.done = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        scores = self._scores(logs or {})
        improved = [name for name, score in scores.items() if self._judge(name, score, epoch)]
        self._keep([name for name in improved if name in (*self.tasks, MEAN)])
        if self._stage.freeze_when_done:
            self._freeze_done_heads()
        if self._is_over():
            self.model.stop_training = True

    def to_json(self) -> dict:
        """Returns the best scores so far, and how long each name has not improved."""
        return {"best": self.best, "done": self.done, "waited": self._waited}

    def resume(self, before: Mapping) -> None:
        """Resumes, after `begin`, from what `to_json` returned.

        Raises:
            InputError: the file of best weights is missing.
        """
        for name in before["best"]:
            path = self.folder / f"{name}.safetensors"
            if name in (*self.tasks, MEAN) and not path.is_file():
                raise InputError(f"{path}: no such file; restore it or train again")
        self.best, self.done = dict(before["best"]), list(before["done"])
        self._waited = dict(before["waited"])
        self._freeze_done()

    def restore(self, name: str | None) -> None:
        """Puts back the best weights of a task or of the mean; None leaves the last ones."""
        if name in self.best:
            load_weights(self.model, self.folder / f"{name}.safetensors")

    def _scores(self, logs: Mapping[str, float]) -> dict[str, float]:
        """Returns judged name → score, for metrics that were measured and are defined."""
        measured = {
            name: f"val_{name}_{task.metric}"
            for name, task in self.tasks.items()
            if f"val_{name}_{task.metric}" in logs
        }
        undefined = {
            metric
            for name, metric in measured.items()
            if math.isnan(logs[metric]) and math.isfinite(logs.get(f"val_{name}_loss", math.nan))
        }
        scores = {
            name: _score(metric, logs[metric])
            for name, metric in measured.items()
            if metric not in undefined
        }
        judged = [score for name, score in scores.items() if name in self.judged]
        if judged and self.judged <= measured.keys():
            scores[MEAN] = sum(judged) / len(judged)
        watched = f"val_{self._stage.watch}"
        if watched in logs and watched not in undefined:
            scores[self._stage.watch] = _score(watched, logs[watched])
        return scores

    def _judge(self, name: str, score: float, epoch: int) -> bool:
        """Records a score; returns whether it is the best so far."""
        improved = score > self.best.get(name, {}).get("score", -math.inf)
        if improved:
            self.best[name] = {"score": score, "epoch": epoch + 1}
        self._waited[name] = 0 if improved else self._waited.get(name, 0) + 1
        return improved

    def _keep(self, names: Sequence[str]) -> None:
        """Writes the weights once; the files of further names are links to the first."""
        paths = [self.folder / f"{name}.safetensors" for name in names]
        for path in paths[:1]:
            save_weights(self.model, self.groups, path)
        for path in paths[1:]:
            write_whole(path, functools.partial(_link, paths[0]))

    def _waits_too_long(self, name: str) -> bool:
        waited = self._waited.get(name, 0)  # absent if its metric has never been defined
        return self._stage.patience is not None and waited >= self._stage.patience

    def _freeze_done_heads(self) -> None:
        for name, head in self.model.layer_groups.heads.items():
            if name not in self.done and head[0].trainable and self._waits_too_long(name):
                self.on_done(name)
                self.done.append(name)
                self._freeze_done()
        self.model.make_train_function()

    def _freeze_done(self) -> None:
        """Freezes the heads and own blocks of tasks that are done."""
        groups = self.model.layer_groups
        for layer in itertools.chain(*(groups[name] for name in only_of(groups, self.done))):
            layer.trainable = False

    def _is_over(self) -> bool:
        """Returns whether the stage ends; with `freeze_when_done`, when the last head is done."""
        heads = self.model.layer_groups.heads
        training = self._stage.trained_tasks(tuple(self.tasks))
        go_on = any(heads[name][0].trainable for name in training)
        if self._stage.freeze_when_done and (go_on or self.done):
            return not go_on
        return self._waits_too_long(self._stage.watch)


def _link(path: Path, beside: Path) -> None:
    try:
        os.link(path, beside)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, beside)


def _score(metric: str, value: float) -> float:
    """Returns a metric with its sign such that higher is better; NaN is worst."""
    if not math.isfinite(value):
        return -math.inf
    return -value if metric.endswith(LOWER_IS_BETTER) else value
