"""What a model scores on every task, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtl_keras.data.audit import audit, of_split
from mtl_keras.data.findings import Finding
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError, listed
from mtl_keras.evaluation.figures import figure, interval_of, notes_of, values_of
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.evaluation.shown_rows import ShownRows
from mtl_keras.models.multi_task_model import MultiTaskModel


@dataclass(frozen=True, eq=False)
class TaskScores:
    """What a model scores on a split of its tasks; `print` and notebooks show a row a task.

    Args:
        split: of the tasks' data.
        metrics: task → its metrics, as `mtl_keras.evaluate` returns them.
        judged_by: task → the metric that judges it.
        without: the tasks that have no such split.
        audit: what makes the scores mean less, or more, than they seem to.
    """

    split: str
    metrics: Mapping[str, Mapping[str, Any]]
    judged_by: Mapping[str, str]
    without: tuple[str, ...] = ()
    audit: tuple[Finding, ...] = ()

    def table(self) -> ShownRows:
        """A row a task: its metric with the 95% interval, then the others."""
        notes = notes_of({self.split: self.metrics})
        if self.without:
            notes.append(f"no {self.split} examples: {', '.join(self.without)}")
        notes += [f"warning: {finding.in_words()}" for finding in self.audit]
        return ShownRows(map(self._row, self.metrics), notes)

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _row(self, name: str) -> dict[str, Any]:
        metrics, metric = self.metrics[name], self.judged_by[name]
        others = values_of(metrics)
        value = others.pop(metric)
        return {
            "task": name,
            "split": self.split,
            "examples": metrics["examples"],
            "metric": metric,
            "value": value,
            "95% interval": interval_of(metrics),
            "also": ", ".join(f"{other} {figure(number)}" for other, number in others.items()),
        }


def evaluate_tasks(
    model: MultiTaskModel,
    split: str = "test",
    datasets: Mapping[str, TaskDataset] | None = None,
) -> TaskScores:
    """What a model scores on a split of every task that has it.

    Args:
        model: trained.
        split: `train`, `validation` or `test`.
        datasets: task → its data; None: those that the model's tasks were declared with.

    Raises:
        InputError: no task has data, or such a split.
    """
    opened = model.datasets(datasets)
    if not opened:
        raise InputError(
            "no data to evaluate on; declare tasks with data (Task(…, data={'test': …})), or give "
            "datasets={task: TaskDataset(…)}"
        )
    check_split(opened, split)
    metrics = evaluate_all(model, opened, split)
    judged_by = {name: model.tasks[name].metric for name in metrics}
    without = tuple(name for name in model.tasks if name not in metrics)
    findings = of_split(audit(opened, model.encoder.tokenizer), split)
    return TaskScores(split, metrics, judged_by, without, tuple(findings))


def check_split(datasets: Mapping[str, TaskDataset], split: str) -> None:
    """Raises `InputError` if no task has such a split."""
    splits = dict.fromkeys(name for dataset in datasets.values() for name in dataset.splits)
    if split not in splits:
        raise InputError(f"no task has {split} examples; there are {listed(splits)}")
