"""Scores a served model by its answers, which are all that it gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from mtl_keras.data.answer_forms import READ
from mtl_keras.data.audit import audit, of_split
from mtl_keras.data.findings import Finding
from mtl_keras.data.model_labels import ModelTask, for_model
from mtl_keras.data.row_errors import row_errors
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import CHUNK, score_answers
from mtl_keras.evaluation.task_scores import TaskScores, check_split
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored

Ask = Callable[[Sequence[str]], list[dict]]  # texts → answers, as `mtl_keras.answer`


def evaluate_served(
    ask: Ask,
    tasks: Mapping[str, ModelTask],
    datasets: Mapping[str, TaskDataset],
    split: str = "test",
) -> TaskScores:
    """What a served model's answers score on a split of every task that has it.

    Args:
        ask: the model.
        tasks: of the model, in its order.
        datasets: task → its data.
        split: `train`, `validation` or `test`.

    Returns:
        As of `evaluate_tasks`, without the metrics that answers do not give
        (`TaskKind.not_served`).

    Raises:
        InputError: the data do not fit the model (`for_model`), or no task has such a split.
    """
    opened = for_model(datasets, tasks)
    if not opened:
        raise InputError("no data to evaluate on; give datasets={task: TaskDataset(…)}")
    check_split(opened, split)
    findings = of_split(audit(opened), split)
    metrics: dict[str, dict] = {}
    with row_errors(opened.values()):
        for name, dataset in opened.items():
            if split in dataset.splits:
                metrics[name], cut = _scored(ask, dataset, split)
                findings += cut
    judged_by = {name: opened[name].task.metric for name in metrics}
    without = tuple(name for name in tasks if name not in metrics)
    return TaskScores(split, metrics, judged_by, without, tuple(findings))


def _scored(ask: Ask, dataset: TaskDataset, split: str) -> tuple[dict, list[Finding]]:
    """A task's metrics, and the finding that texts were cut, if any were."""
    task, count = dataset.task, 0
    kind = kind_of(task)

    def answered() -> Iterator[Scored]:
        nonlocal count
        for chunk in dataset.stream(split, CHUNK):
            texts = [text.decode() for text in chunk["text"].numpy()]
            answers = ask(texts)
            count += sum(not answer.get(READ, True) for answer in answers)
            rows = zip(answers, texts, kind.reads.word_starts(chunk), strict=True)
            outputs = [kind.served_outputs(task, row[0][task.name], *row[1:]) for row in rows]
            yield kind.reads.labels(chunk), outputs

    metrics = score_answers(task, answered()).metrics
    cut = Finding(task=task.name, split=split, about="cut", count=count, of=metrics["examples"])
    served = {name: value for name, value in metrics.items() if name not in kind.not_served}
    return served, [cut] if count else []
