"""The best single-task model of a task: where plans begin that keep the task's head frozen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtl_keras.data.label_kinds import higher_is_better
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import WorkError
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.experiments.compared_plans import START_SCORE, Job
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.variables import load_weights, save_weights
from mtl_keras.runs.run import Run

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class SingleTaskStart:
    """Where the model of a job begins, and what it is for later ones.

    Args:
        comparison: whose folder keeps the best single-task models; None: there is none.
        job: that trains.
        protects: the task whose single-task model the job begins with; None: with none.
    """

    comparison: Run | None
    job: Job
    protects: str | None

    def begin(self, model: MultiTaskModel) -> str | None:
        """Gives a model the encoder and the head of the single-task model, if it begins with one.

        Returns:
            The plan that trained that; None if there is none.

        Raises:
            WorkError: the single-task model is gone.
        """
        if self.comparison is None or self.protects is None:
            return None
        folder = self._folder(self.comparison, self.protects)
        if not (folder / START_SCORE).is_file():
            raise WorkError(f"{folder}: the single-task model is gone; run the comparison again")
        load_weights(model, folder / WEIGHTS)
        plan: str = Run(folder).read_json(START_SCORE)["plan"]
        return plan

    def offer(self, model: MultiTaskModel, datasets: Mapping[str, TaskDataset]) -> None:
        """Keeps a single-task model if later plans wait for one, with a folder, and it is the best.

        Args:
            model: trained.
            datasets: task → its files.
        """
        if self.comparison is None or len(datasets) > 1:
            return
        for name, dataset in datasets.items():
            folder = self._folder(self.comparison, name)
            if folder.is_dir():
                _keep_if_best(folder, self.job.plan, model, dataset)

    def _folder(self, comparison: Run, task: str) -> Path:
        return comparison.folder / self.job.start_folder(task)


def _keep_if_best(folder: Path, plan: str, model: MultiTaskModel, dataset: TaskDataset) -> None:
    metric = dataset.task.metric
    value = evaluate(model, dataset, "validation")[metric]
    if (folder / START_SCORE).is_file():
        before = Run(folder).read_json(START_SCORE)
        # A run that was interrupted after this line offers its model again.
        if plan != before["plan"] and _score(metric, value) <= _score(metric, before["value"]):
            return
    save_weights(model, list(model.layer_groups), folder / WEIGHTS)
    Run(folder).write_json(START_SCORE, {"plan": plan, "metric": metric, "value": value})


def _score(metric: str, value: float | None) -> float:
    if value is None:
        return -math.inf
    return value if higher_is_better(metric) else -value
