"""Everything frozen: linear models of scikit-learn on an encoder's features, scored as heads."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from sklearn.base import BaseEstimator

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.models.prediction import outputs_by_text

CHUNK, BATCH_SIZE = 2048, 32
FEATURES = "features"


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear model on frozen features: logistic regression, ridge regression for numbers.

    Alain & Bengio, 2017, "Understanding intermediate layers using linear classifier probes". The
    features are what a head would read: sentence embeddings, or the vectors of the words' first
    pieces.

    Args:
        encoder: makes the features, and stays as it is.
        estimator: scikit-learn's.
    """

    encoder: TextEncoder
    estimator: BaseEstimator

    @classmethod
    def fit(cls, encoder: TextEncoder, dataset: TaskDataset) -> "Probe":
        """Trains on a task's training split, whose features are held in memory."""
        rows, labels = _training_rows(encoder, dataset)
        return cls(encoder, kind_of(dataset.task).probe().fit(rows, labels))

    def evaluate(self, dataset: TaskDataset, split: str = "test") -> dict:
        """Metrics on a split, as of `mtl_keras.evaluate`."""
        dataset.check_split(split)
        measured = kind_of(dataset.task).measured(dataset.task, self._scored(dataset, split))
        return {"examples": dataset.counts[split]} | measured

    def _scored(self, dataset: TaskDataset, split: str) -> Iterator[Scored]:
        task, kind = dataset.task, kind_of(dataset.task)
        for chunk, tokenized, features in _passes(self.encoder, dataset, split):
            outputs = [kind.probe_outputs(task, self.estimator, vectors) for vectors in features]
            yield kind.reads.by_example(chunk, tokenized, outputs)


def _features_of(encoder: TextEncoder, task: Task) -> keras.Model:
    transformer = encoder.transformer
    vectors = transformer.output[kind_of(task).reads.output]
    return keras.Model(transformer.input, {FEATURES: vectors}, name=FEATURES)


def _training_rows(encoder: TextEncoder, dataset: TaskDataset) -> tuple[np.ndarray, np.ndarray]:
    """Features `(rows, hidden)` and labels `(rows, …)`; a row is a text, or a word."""
    reads = kind_of(dataset.task).reads
    parts = [reads.training_rows(*part) for part in _passes(encoder, dataset, "train")]
    rows, labels = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(labels)


def _passes(
    encoder: TextEncoder, dataset: TaskDataset, split: str
) -> Iterator[tuple[dict, TokenizedText, list[np.ndarray]]]:
    """Chunks of a split, tokenized, and an array of features a text, of words a row a piece."""
    forward = ForwardPass(_features_of(encoder, dataset.task))
    of_pieces = (FEATURES,) if dataset.task.label_kind.per_word else ()
    for chunk in dataset.stream(split, CHUNK):
        tokenized = encoder.tokenizer(chunk["text"])
        outputs = outputs_by_text(forward, [FEATURES], tokenized, of_pieces, batch_size=BATCH_SIZE)
        yield chunk, tokenized, outputs[FEATURES]
