"""Checks data as a whole: everything that is wrong, then what is legal and suspicious."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl_keras.data.audit import audit
from mtl_keras.data.faults import Fault, FaultCollector
from mtl_keras.data.findings import Finding
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import one_line
from mtl_keras.errors import InputError, listed, shown
from mtl_keras.evaluation.shown_rows import ShownRows
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import load_encoder

if TYPE_CHECKING:
    from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
    from mtl_keras.models.multi_task_model import MultiTaskModel


@dataclass(frozen=True, eq=False)
class DataCheck:
    """What is wrong with data, and what is legal and suspicious.

    `print` shows a line for each; notebooks show a table.

    Args:
        faults: what training would refuse, at most 20 messages of a kind in a split.
        findings: what is legal and suspicious in the rows that are right.
        examples: task → split → number of rows that are right.
    """

    faults: tuple[Fault, ...]
    findings: tuple[Finding, ...]
    examples: Mapping[str, Mapping[str, int]]

    @property
    def is_right(self) -> bool:
        """Whether training would refuse nothing."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "right": self.is_right,
            "examples": {task: dict(by_split) for task, by_split in self.examples.items()},
            "faults": [fault.to_json() for fault in self.faults],
            "audit": [finding.to_json() for finding in self.findings],
        }

    def table(self) -> ShownRows:
        """A row for each message."""
        faults = [
            {"": "fault", "task": fault.task, "split": fault.split, "what": message}
            for fault in self.faults
            for message in fault.in_words()
        ]
        findings = [
            {"": "suspicious", "task": finding.task, "split": finding.split}
            | {"what": finding.what(places=True)}
            for finding in self.findings
        ]
        return ShownRows([*faults, *findings], [self._summary()])

    def __str__(self) -> str:
        faults = [
            f"{_where(fault)}: {message}" for fault in self.faults for message in fault.in_words()
        ]
        warnings = [f"warning: {finding.in_words()}" for finding in self.findings]
        return "\n".join(map(one_line, [*faults, *warnings, self._summary()]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _summary(self) -> str:
        examples = sum(sum(by_split.values()) for by_split in self.examples.values())
        faults = sum(fault.count for fault in self.faults)
        return f"{examples:,} rows are right; wrong: {faults:,}; suspicious: {len(self.findings):,}"


def check(
    source: "Recipe | MultiTaskModel | Iterable[Task]",
    *,
    report: Callable[[str], None] = lambda line: None,
) -> DataCheck:
    """Reads all data of some tasks and reports everything wrong with them at once.

    Args:
        source: a recipe, a model whose tasks have data, or tasks.
        report: receives the progress every few seconds.

    Returns:
        The faults of all rows, files, splits and tasks, and what `inspect` warns of in the rows
        that are right. Of tasks alone, it is not known which texts are too long.

    Raises:
        InputError: the source is none of these.

    Example:

    >>> rows = [{"text": "fine", "label": "good"}, {"text": "", "label": "bad"}]
    >>> found = check([Task("mood", labels=["good", "bad"], data={"train": rows})])
    >>> found.faults[0].messages
    ('mood, train data, row 1: the text is empty; fill it in or remove the row',)
    """
    tasks, folder = _tasks_of(source)
    datasets: dict[str, TaskDataset] = {}
    faults: list[Fault] = []
    for task in tasks:
        collector = FaultCollector(task.name)
        try:
            datasets[task.name] = TaskDataset(
                task, base_folder=folder, report=report, refuse=collector.add
            )
        except InputError as error:
            collector.add(None, error)
        faults += collector.faults
    tokenizer, of_encoder = _tokenizer_of(source)
    return DataCheck(
        faults=(*faults, *of_encoder),
        findings=audit(datasets, tokenizer),
        examples={name: dict(dataset.counts) for name, dataset in datasets.items()},
    )


def _tasks_of(source: Any) -> tuple[list[Task], Any]:
    """The tasks, and what their relative paths are relative to."""
    if isinstance(source, Recipe):
        return list(source.tasks), source.path.parent
    if isinstance(of_model := getattr(source, "tasks", None), Mapping):
        return [task for task in of_model.values() if task.files], "."
    tasks = _as_list(source)
    for task in tasks:
        if not isinstance(task, Task):
            raise InputError(f"check takes tasks: Task(…). Received in their place: {shown(task)}")
    if len({task.name for task in tasks}) < len(tasks):
        names = listed(task.name for task in tasks)
        raise InputError(f"two tasks have one name; rename one. Received: {names}")
    return tasks, "."


def _as_list(tasks: Any) -> list[Any]:
    if isinstance(tasks, Task):
        return [tasks]
    if isinstance(tasks, str) or not isinstance(tasks, Iterable):
        raise InputError(
            f"check takes a recipe (load_recipe), a model or tasks. Received: {shown(tasks)}"
        )
    return list(tasks)


def _tokenizer_of(source: Any) -> "tuple[Tokenizer | None, list[Fault]]":
    """The tokenizer that texts are cut by, and the fault of an encoder that cannot be loaded."""
    if not isinstance(source, Recipe):
        encoder = getattr(source, "encoder", None)
        return getattr(encoder, "tokenizer", None), []
    try:
        return load_encoder(source).tokenizer, []
    except InputError as error:
        return None, [Fault(task=None, split=None, messages=(str(error),))]


def _where(fault: Fault) -> str:
    return ", ".join(filter(None, (fault.task or "recipe", fault.split)))
