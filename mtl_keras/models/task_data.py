"""The data of a model's tasks, and the methods of a model that use them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mtl_keras.data.task import Task, checked_tasks
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError, listed, nearest, shown
from mtl_keras.models.late_methods import LateMethod


class TaskData:
    """The data of some tasks, each opened once, at first use.

    Args:
        tasks: with or without data.

    Raises:
        InputError: an item is no task.

    Example:

    >>> rows = [{"text": "fine", "label": "good"}, {"text": "broken", "label": "bad"}] * 10
    >>> data = TaskData([Task("mood", data={"train": rows})])
    >>> [task.labels for task in data.completed()]
    [('bad', 'good')]
    """

    def __init__(self, tasks: Sequence[Task]):
        self._tasks = checked_tasks(tasks)
        self._datasets: dict[int, TaskDataset] = {}

    def completed(self) -> list[Task]:
        """Returns the tasks with labels and scales, found in their data if missing.

        Raises:
            InputError: data that cannot be read, or are against their task.
        """
        return [
            self._opened(number).task if _must_learn(task) else task
            for number, task in enumerate(self._tasks)
        ]

    def datasets(self) -> dict[str, TaskDataset]:
        """Returns task → its data, for tasks that have any.

        Raises:
            InputError: as `completed`.
        """
        return {
            task.name: self._opened(number) for number, task in enumerate(self._tasks) if task.files
        }

    def _opened(self, number: int) -> TaskDataset:
        if number not in self._datasets:
            self._datasets[number] = TaskDataset(self._tasks[number])
        return self._datasets[number]


class HasTaskData:
    """Mix this into a `MultiTaskModel`: methods that use the data of its tasks."""

    tasks: Mapping[str, Task]
    in_stages: Any = None  # the history of `fit_stages`, if nothing trained the model since
    _data: TaskData

    fit = LateMethod("training.keras_fit")
    fit_stages = LateMethod("training.staged_fit")
    evaluate_tasks = LateMethod("evaluation.task_scores")
    errors = LateMethod("evaluation.task_errors")
    export = LateMethod("export.keras_export")

    def datasets(
        self,
        given: Mapping[str, TaskDataset] | None = None,
        *,
        needed: Iterable[str] = (),
    ) -> dict[str, TaskDataset]:
        """Returns task → its data, in the tasks' order, for tasks that have any.

        Args:
            given: task → its data, in the place of what the tasks were declared with.
            needed: tasks that must have some.

        Raises:
            InputError: data that cannot be read, or are of another task or of other labels; a
                needed task that has none, or is not there.
        """
        if not isinstance(given, Mapping | None):
            raise InputError(f"datasets must be a dict of TaskDataset. Received: {shown(given)}")
        opened = self._data.datasets() if given is None else given
        for name, dataset in opened.items():
            _check_dataset(self.tasks, name, dataset)
        for name in needed:
            _check_needed(self.tasks, name, opened)
        return {name: opened[name] for name in self.tasks if name in opened}


def _must_learn(task: Task) -> bool:
    """Returns whether labels, or the scale of numbers, must be found in the data."""
    if not task.has_all_labels:
        return bool(task.files)
    return "train" in task.files and task.scale is None and not task.label_kind.has_labels


def _check_needed(tasks: Collection[str], name: str, opened: Collection[str]) -> None:
    _check_task(tasks, name)
    if name not in opened:
        raise InputError(
            f"no data of {name!r}; declare the task with data (Task(…, data={{'train': …}})), or "
            "give datasets={task: TaskDataset(…)}"
        )


def _check_task(tasks: Collection[str], name: Any) -> None:
    if name not in tasks:
        raise InputError(
            f"the model has no task {shown(name)}; it has {listed(tasks)}"
            f"{nearest(str(name), tasks)}"
        )


def _check_dataset(tasks: Mapping[str, Task], name: str, dataset: Any) -> None:
    _check_task(tasks, name)
    if not isinstance(dataset, TaskDataset):
        raise InputError(
            f"datasets[{name!r}] must be a TaskDataset: TaskDataset(Task(…, data=…)). Received: "
            f"{shown(dataset)}"
        )
    of_model, of_data = tasks[name], dataset.task
    if (of_model.kind, of_model.labels) != (of_data.kind, of_data.labels):
        raise InputError(
            f"datasets[{name!r}] is a {of_data.kind} of {listed(of_data.labels)}, the model's task "
            f"a {of_model.kind} of {listed(of_model.labels)}; give its labels: "
            f"Task({name!r}, labels=model.tasks[{name!r}].labels, …)"
        )
