"""The best score of an answer that is always the same."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mtl_keras.data.task_dataset import TaskDataset


@dataclass(frozen=True)
class ConstantAnswer:
    """An answer that is given to every text, and what it scores.

    Args:
        labels: the answer.
        count, of: the score is the first divided by the second.
    """

    labels: tuple[str, ...]
    count: int
    of: int


def constant_answer(dataset: TaskDataset, split: str) -> ConstantAnswer | None:
    """The answer that is best for the training texts, and what it scores on a split.

    Returns:
        None if the task's main metric is not accuracy or micro F1.
    """
    source = "train" if "train" in dataset.counts else split
    learned, judged = dataset.label_counts[source], dataset.label_counts[split]
    choose, score = _METRICS.get(dataset.task.metric, (None, None))
    if choose is None or score is None or not (learned.total() and judged.total()):
        return None
    number = choose(learned, dataset.counts[source])
    labels = tuple(label for label, _ in learned.most_common(number))
    hits = sum(judged[label] for label in labels)
    return ConstantAnswer(labels, *score(hits, number, judged, dataset.counts[split]))


def _one(counts: Counter[str], examples: int) -> int:
    return 1


def _accuracy(hits: int, number: int, counts: Counter[str], examples: int) -> tuple[int, int]:
    """The share of texts, or words, that have the label."""
    return hits, counts.total()


def _best_number(counts: Counter[str], examples: int) -> int:
    """How many of the most frequent labels have the best F1."""
    hits = itertools.accumulate(often for _, often in counts.most_common())
    rates = [2 * hit / (number * examples + counts.total()) for number, hit in enumerate(hits, 1)]
    return rates.index(max(rates)) + 1


def _micro_f1(hits: int, number: int, counts: Counter[str], examples: int) -> tuple[int, int]:
    """Twice the hits, and the number of labels that are answered and given."""
    return 2 * hits, number * examples + counts.total()


Choose = Callable[[Counter[str], int], int]
Score = Callable[[int, int, Counter[str], int], tuple[int, int]]
# Main metric → how many labels to answer, and what that scores.
_METRICS: dict[str, tuple[Choose, Score]] = {
    "accuracy": (_one, _accuracy),
    "micro_f1": (_best_number, _micro_f1),
}
