"""Linear models of scikit-learn in place of heads, scored in the same way."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.evaluation.readings import EncoderFeatures, Reading
from mtl_keras.evaluation.scores import Scores, score_answers
from mtl_keras.models.kinds.task_kind import Scored

CHUNK = 2048


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear model on fixed features: logistic regression, or ridge regression for numbers.

    On the features of a frozen encoder it is the probe of Alain & Bengio, 2017, "Understanding
    intermediate layers using linear classifier probes".

    Args:
        reading: turns examples into features.
        estimator: a trained estimator of scikit-learn.
    """

    reading: Reading
    estimator: BaseEstimator

    @classmethod
    def fit(
        cls, encoder: TextEncoder, dataset: TaskDataset, reads: type[Reading] = EncoderFeatures
    ) -> "Probe":
        """Trains on a task's training split, whose rows are held in memory.

        Args:
            encoder: is not changed.
            dataset: the task's files.
            reads: the features; by default what a head would read.
        """
        reading = reads(encoder, dataset.task)
        parts = [reading.training_rows(chunk) for chunk in dataset.stream("train", CHUNK)]
        rows, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return cls(reading, reading.estimator(labels).fit(rows, labels))

    def evaluate(self, dataset: TaskDataset, split: str = "test") -> dict:
        """Metrics on a split, as in `mtl_keras.evaluate`."""
        return self.score(dataset, split).metrics

    def score(self, dataset: TaskDataset, split: str = "test") -> Scores:
        """Scores on a split, over every example in it."""
        dataset.check_split(split)
        return score_answers(dataset.task, self._scored(dataset, split))

    def _scored(self, dataset: TaskDataset, split: str) -> Iterator[Scored]:
        def outputs_of(rows: np.ndarray) -> np.ndarray:
            return self.reading.kind.probe_outputs(dataset.task, self.estimator, rows)

        for chunk in dataset.stream(split, CHUNK):
            yield self.reading.scored(chunk, outputs_of)
