"""Scores a model on a split of a task's files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl_keras.data.row_errors import row_errors
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.evaluation.intervals import contributions, interval
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import Forward, LookUp, task_outputs

CHUNK = 2048


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a model's answers on a split.

    Args:
        metrics: as returned by `evaluate`.
        contributed: what each example adds to the two sums whose ratio is the task's metric,
            `(examples, 2)`, as `evaluation.intervals.contributions` returns it.
    """

    metrics: dict
    contributed: np.ndarray


def evaluate(
    model: MultiTaskModel,
    dataset: TaskDataset,
    split: str = "test",
    *,
    batch_size: int = 32,
    features: LookUp | None = None,
    forward: Forward | None = None,
) -> dict:
    """A task's metrics on a split, over every example in it.

    Args:
        model: a model that has the dataset's task.
        dataset: the task's files.
        split: `train`, `validation` or `test`.
        batch_size: texts per forward pass.
        features: `FeatureCache.look_up()` of this model, if the split's texts are in it.
        forward: computes the outputs in place of the model, for example a `ForwardPass`.

    Returns:
        `examples`, `loss`, and by kind of task:
        classification `accuracy`, `macro_f1` (over labels that occur or are predicted);
        multilabel `micro_f1`, `macro_f1` (threshold 0.5);
        regression `mae`, `rmse`;
        tagging `span_f1`, `precision`, `recall`: a span is right if its type, start and end are
        (`conlleval`); words beyond `max_length` count as predicted to be outside of spans;
        token_labels `accuracy`, `macro_f1`, both over words; words beyond `max_length` are wrong.
        Also `ece`, the expected calibration error of the probabilities (`kinds.calibration`): of
        the predicted class, of each label of a multilabel task, of words; None for regression;
        and `low`, `high`, the 95% interval of `dataset.task.metric` (`evaluation.intervals`).
        An undefined metric is None, such as F1 if there is nothing to find and nothing was found.
        `notes`, if any, says for a metric why it is undefined, or which labels it covers.

    Raises:
        InputError: the dataset has no such split.
    """
    passes = {"batch_size": batch_size, "features": features, "forward": forward}
    return score(model, dataset, split, **passes).metrics


def score(model: MultiTaskModel, dataset: TaskDataset, split: str, **passes: Any) -> Scores:
    """A task's scores on a split, over every example in it; the arguments are `evaluate`'s."""
    dataset.check_split(split)
    task = dataset.task.at_scale(model.tasks[dataset.task.name].scale)
    return score_answers(task, answered(model, dataset, split, **passes))


def score_all(
    model: MultiTaskModel,
    datasets: Mapping[str, TaskDataset],
    split: str,
    features: LookUp | None = None,
) -> dict[str, Scores]:
    """Task name → its scores, for the tasks that have this split."""
    with row_errors(datasets.values()):
        return {
            name: score(model, dataset, split, features=features)
            for name, dataset in datasets.items()
            if split in dataset.splits
        }


def evaluate_all(
    model: MultiTaskModel,
    datasets: Mapping[str, TaskDataset],
    split: str,
    features: LookUp | None = None,
) -> dict[str, dict]:
    """Task name → its metrics (see `evaluate`), for the tasks that have this split."""
    scores = score_all(model, datasets, split, features)
    return {name: of_task.metrics for name, of_task in scores.items()}


def score_answers(task: Task, scored: Iterable[Scored]) -> Scores:
    """The scores of labels and outputs, which are given chunk by chunk."""
    contributed: list[np.ndarray] = []

    def chunks() -> Iterator[Scored]:
        for labels, outputs in scored:
            contributed.append(contributions(task, labels, outputs))
            yield labels, outputs

    measured = kind_of(task).measured(task, chunks())
    notes = measured.pop("notes", {})
    of_examples = np.concatenate(contributed)  # (examples, 2)
    low, high = interval(of_examples)
    metrics = {"examples": len(of_examples)} | measured | {"low": low, "high": high}
    return Scores(metrics | ({"notes": notes} if notes else {}), of_examples)


def answered(
    model: MultiTaskModel,
    dataset: TaskDataset,
    split: str,
    **passes: Any,
) -> Iterator[Scored]:
    """Labels and outputs of a split's examples, in the files' order, a chunk of `CHUNK` at a time;
    the arguments are `evaluate`'s.
    """
    task = dataset.task
    for chunk in dataset.stream(split, CHUNK):
        tokenized = model.encoder.tokenizer(chunk["text"])
        outputs = task_outputs(model, tokenized, **passes)[task.name]
        yield kind_of(task).reads.by_example(chunk, tokenized, outputs)
