"""What became of a split's examples, collected in the pass that scores them."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mtl_keras.data.audit import constant_answer
from mtl_keras.data.file_formats import locate
from mtl_keras.data.row_errors import row_errors
from mtl_keras.data.split_files import Placed
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.chunks import chunks
from mtl_keras.evaluation.confusions import (
    confused_labels,
    counts_by_label,
    most_frequent_confusions,
)
from mtl_keras.evaluation.scores import CHUNK, Scores, answered, score, score_answers
from mtl_keras.evaluation.task_errors import WORST, mistake_of
from mtl_keras.models.kinds.calibration import Calibration
from mtl_keras.models.kinds.judgements import Judgement
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import LookUp

MOST_IN_MATRIX, MOST_LABELS, MOST_CONFUSIONS = 12, 30, 12
MOST_NUMBERS = 500
LONGEST_TEXT, LONGEST_ANSWER = 400, 300  # characters


class Review:
    """Watches a split's answers while they are scored.

    Args:
        task: with the scale of the model.
        dataset: the task's data.
        split: `validation` or `test`.
    """

    def __init__(self, task: Task, dataset: TaskDataset, split: str):
        self._task, self._kind = task, kind_of(task)
        self._dataset, self._split = dataset, split
        self._names = (*task.labels, *dataset.more_labels.get(split, ()))
        self._constant = constant_answer(task, dataset, split)
        self._constant_row: np.ndarray | None = None
        if self._constant is not None:
            self._constant_row = self._kind.constant_row(task, self._constant)
        self._constant_sums = np.zeros(2)
        self._pairs: Counter = Counter()
        self._numbers: list[list[float]] = []
        self._calibration = Calibration()
        self._worst: list[tuple[float, int, Placed, list[Judgement]]] = []  # a heap
        self._examples = self._wrong = 0

    def watch(self, scored: Iterable[Scored]) -> Iterator[Scored]:
        """Yields labels and outputs as they come, and collects what became of them."""
        rows = self._dataset.placed_examples(self._split)
        for placed, (labels, outputs) in zip(
            chunks(rows, CHUNK, lambda row: len(row[2].text)), scored, strict=True
        ):
            for row, label, output in zip(placed, labels, outputs, strict=True):
                self._add(row, label, output)
            self._add_confidences(labels, outputs)
            yield labels, outputs

    def to_json(self) -> dict[str, Any]:
        """Returns what was collected, no longer than a page shows.

        Returns:
            `split`; `examples`, and how many are `wrong`; `constant`: the `words` of the best
            answer that reads no text, and its `value` of the task's metric, or None; `labels`:
            label → how often `right`, `answered`, `matched`, of the 30 with the most mistakes;
            `labels_in_all`; `matrix`: `labels`, and `counts` of what is right by what was answered,
            of the 12 with the most mistakes and, last, of all others; `confusions`; `numbers`,
            `(expected, answered)` of the first 500 examples of a task without labels;
            `calibration` (`Calibration.curve`); `mistakes`, the worst first.
        """
        has_labels = self._task.label_kind.has_labels
        by_label = counts_by_label(self._pairs)
        shown, _ = confused_labels(self._pairs, MOST_LABELS)
        return {
            "split": self._split,
            "examples": self._examples,
            "wrong": self._wrong,
            "constant": self._constant_score(),
            "labels": {label: by_label[label] for label in shown if label in by_label},
            "labels_in_all": len(by_label),
            "matrix": _matrix(self._pairs) if has_labels else None,
            "confusions": [*map(list, most_frequent_confusions(self._pairs, MOST_CONFUSIONS))],
            "numbers": self._numbers,
            "calibration": self._calibration.curve(),
            "mistakes": [_described(*item) for item in sorted(self._worst, key=_surest_first)],
        }

    def _add(self, placed: Placed, label: Any, outputs: np.ndarray) -> None:
        judged = self._kind.judged(self._names, label, outputs)
        if self._task.label_kind.has_labels:
            self._pairs.update((part.expected, part.answered) for part in judged)
        elif self._examples < MOST_NUMBERS:
            self._numbers += [[float(part.expected), float(part.answered)] for part in judged]
        self._examples += 1
        if wrong := [part for part in judged if part.is_wrong]:
            self._wrong += 1
            item = (max(part.score for part in wrong), -self._wrong, placed, wrong)
            if len(self._worst) < WORST:
                heapq.heappush(self._worst, item)
            else:
                heapq.heappushpop(self._worst, item)
        if self._constant_row is not None:
            outputs = self._kind.reads.repeated(self._constant_row, label)
            self._constant_sums += self._kind.contribution(label, outputs)

    def _add_confidences(self, labels: Sequence, outputs: Sequence[np.ndarray]) -> None:
        pairs = [self._kind.confidences(*pair) for pair in zip(labels, outputs, strict=True)]
        confidences, is_right = zip(*pairs, strict=True)
        self._calibration.add(np.concatenate(confidences), np.concatenate(is_right))

    def _constant_score(self) -> dict[str, Any] | None:
        part, whole = self._constant_sums.tolist()
        if self._constant is None or not whole:
            return None
        return {"words": self._constant.words, "value": part / whole}


def evaluate_and_review(
    model: MultiTaskModel,
    datasets: Mapping[str, TaskDataset],
    features: LookUp | None = None,
) -> tuple[dict[str, dict[str, dict]], dict[str, dict]]:
    """Scores every task on validation and test, and reviews each split that is a task's last.

    Args:
        model: trained.
        datasets: task → its data.
        features: `FeatureCache.look_up()` of this model, if it has the texts of validation.

    Returns:
        Split → task → its metrics, as `evaluate` returns them; task → its review, as
        `Review.to_json` returns it.
    """
    metrics: dict[str, dict[str, dict]] = {"validation": {}, "test": {}}
    reviews: dict[str, dict] = {}
    with row_errors(datasets.values()):
        for (split, of_split), (name, dataset) in itertools.product(
            metrics.items(), datasets.items()
        ):
            if split not in dataset.splits:
                continue
            looked_up = features if split == "validation" else None
            if split == reviewed_split(dataset):
                scores, reviews[name] = review(model, dataset, split, features=looked_up)
            else:
                scores = score(model, dataset, split, features=looked_up)
            of_split[name] = scores.metrics
    return metrics, {name: reviews[name] for name in datasets if name in reviews}


def review(
    model: MultiTaskModel, dataset: TaskDataset, split: str, **passes: Any
) -> tuple[Scores, dict[str, Any]]:
    """Scores a split, and returns its review too; the arguments are `evaluate`'s."""
    dataset.check_split(split)
    task = dataset.task.at_scale(model.tasks[dataset.task.name].scale)
    watching = Review(task, dataset, split)
    scores = score_answers(task, watching.watch(answered(model, dataset, split, **passes)))
    return scores, watching.to_json()


def reviewed_split(dataset: TaskDataset) -> str:
    """Returns the split that shows how good a model is: test, or else validation."""
    return "test" if "test" in dataset.splits else "validation"


def _matrix(pairs: Counter) -> dict[str, Any]:
    """Returns labels, and counts of right by answered; a last row and column has all others."""
    names, left_out = confused_labels(pairs, MOST_IN_MATRIX)
    size = len(names) + bool(left_out)
    places = {name: place for place, name in enumerate(names)}
    counts = [[0] * size for _ in range(size)]
    for (right, answer), count in pairs.items():
        row, column = (places.get(name, len(names)) for name in (right, answer))
        counts[row][column] += count
    return {"labels": names, "left_out": left_out, "counts": counts}


def _described(score: float, _: int, placed: Placed, wrong: Sequence[Judgement]) -> dict[str, Any]:
    source, line, example = placed
    mistake = mistake_of(example, wrong)
    return {
        "place": locate(source, line, part="text"),
        "text": _cut(mistake.text, LONGEST_TEXT),
        "expected": _cut(mistake.expected, LONGEST_ANSWER),
        "answered": _cut(mistake.answered, LONGEST_ANSWER),
        "score": float(score),
    }


def _surest_first(item: tuple) -> tuple[float, int]:
    return -item[0], -item[1]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
