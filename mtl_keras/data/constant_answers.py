"""Answers that read no text: which one is the best, and what it scores. Each kind has a rule."""

import abc
import itertools
from collections import Counter
from dataclasses import dataclass

from mtl_keras.errors import listed


@dataclass(frozen=True)
class ConstantAnswer:
    """An answer that is given to every text, or to every word: what any model should beat.

    Args:
        words: what it answers, after "always answering".
        labels: that it gives.
        number: that it gives, if the task predicts numbers.
    """

    words: str
    labels: tuple[str, ...] = ()
    number: float | None = None


class ConstantRule(abc.ABC):
    """Chooses the best answer that reads no text. Without tensors, texts or examples."""

    @abc.abstractmethod
    def best(
        self, counts: Counter[str], examples: int, mean: float | None
    ) -> ConstantAnswer | None:
        """The answer with the best main metric on some examples; None if there are none to go by.

        Args:
            counts: label → how often the examples have it; of labels with equal counts, the first
                is taken first.
            examples: how many they are.
            mean: of their numbers, if they have any.
        """

    def sums(self, answer: ConstantAnswer, counts: Counter[str], examples: int) -> tuple[int, int]:
        """The two sums whose ratio is the answer's main metric; `(0, 0)` if counts do not give it.

        Args:
            answer: as `best` returned it.
            counts: label → how often the examples that judge have it.
            examples: how many they are.
        """
        return 0, 0


class MostFrequentLabel(ConstantRule):
    """One label for all: accuracy is the share of texts, or of words, that have it."""

    def best(
        self, counts: Counter[str], examples: int, mean: float | None
    ) -> ConstantAnswer | None:
        return _most_frequent(counts, 1) if counts.total() else None

    def sums(self, answer: ConstantAnswer, counts: Counter[str], examples: int) -> tuple[int, int]:
        return sum(counts[label] for label in answer.labels), counts.total()


class BestLabels(ConstantRule):
    """The same labels for all, as many of the most frequent ones as have the best micro F1."""

    def best(
        self, counts: Counter[str], examples: int, mean: float | None
    ) -> ConstantAnswer | None:
        if not counts.total():
            return None
        matched = itertools.accumulate(often for _, often in counts.most_common())
        given = counts.total()
        f1 = [2 * hits / (number * examples + given) for number, hits in enumerate(matched, 1)]
        return _most_frequent(counts, 1 + f1.index(max(f1)))

    def sums(self, answer: ConstantAnswer, counts: Counter[str], examples: int) -> tuple[int, int]:
        matched = sum(counts[label] for label in answer.labels)
        return 2 * matched, len(answer.labels) * examples + counts.total()


class NoSpan(ConstantRule):
    """No span in any text: F1 is 0."""

    def best(
        self, counts: Counter[str], examples: int, mean: float | None
    ) -> ConstantAnswer | None:
        return ConstantAnswer("no span")

    def sums(self, answer: ConstantAnswer, counts: Counter[str], examples: int) -> tuple[int, int]:
        return 0, counts.total()


class MeanNumber(ConstantRule):
    """The mean of training for all."""

    def best(
        self, counts: Counter[str], examples: int, mean: float | None
    ) -> ConstantAnswer | None:
        if mean is None:
            return None
        return ConstantAnswer(f"{mean:.4g}, the mean of training", number=mean)


def _most_frequent(counts: Counter[str], number: int) -> ConstantAnswer:
    labels = tuple(label for label, _ in counts.most_common(number))
    return ConstantAnswer(listed(labels), labels)
