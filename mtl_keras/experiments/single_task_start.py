"""The best single-task model of a task, from which plans that freeze the task's head begin."""

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
from mtl_keras.models.variables import load_copied, save_weights
from mtl_keras.runs.run import Run

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class SingleTaskStart:
    """The single-task model that a job begins with, or that it offers to later jobs.

    Args:
        comparison: the run whose folder keeps the best single-task models; None if there is none.
        job: the job that trains.
        protects: the task whose single-task model the job begins with; None if it begins with none.
    """

    comparison: Run | None
    job: Job
    protects: str | None

    def begin(self, model: MultiTaskModel) -> str | None:
        """Loads the single-task model's encoder and head into a model, if the job begins with one.

        Returns:
            The plan that trained the single-task model; None if the job begins with none.

        Raises:
            WorkError: the single-task model's files are missing.
        """
        if self.comparison is None or self.protects is None:
            return None
        folder = self._folder(self.comparison, self.protects)
        if not (folder / START_SCORE).is_file():
            raise WorkError(f"{folder}: the single-task model is missing; run the comparison again")
        load_copied(model, folder / WEIGHTS)
        plan: str = Run(folder).read_json(START_SCORE)["plan"]
        return plan

    def offer(self, model: MultiTaskModel, datasets: Mapping[str, TaskDataset]) -> None:
        """Keeps a single-task model if it is the best yet and a later plan begins with one.

        A folder for the task, made beforehand, says that a later plan does.

        Args:
            model: the trained model.
            datasets: task → its dataset.
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
