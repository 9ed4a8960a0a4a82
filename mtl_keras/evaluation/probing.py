"""Everything frozen: linear models of scikit-learn on an encoder's features, scored as heads."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.tokenizers.wordpiece import TokenizedText, align_labels
from mtl_keras.evaluation.scores import by_example, measure
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.prediction import outputs_by_text

CHUNK, BATCH_SIZE = 2048, 32
MAX_ITERATIONS = 1000
FEATURES = "features"


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear model on frozen features: logistic regression, ridge regression for numbers.

    Alain & Bengio, 2017, "Understanding intermediate layers using linear classifier probes". The
    features are what a head would read: sentence embeddings, for tagging the vectors of the
    words' first pieces.

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
        return cls(encoder, _estimator(dataset.task).fit(rows, labels))

    def evaluate(self, dataset: TaskDataset, split: str = "test") -> dict:
        """Metrics on a split, as of `mtl_keras.evaluate`."""
        dataset.check_split(split)
        task = dataset.task
        chunks = (
            by_example(
                task, chunk, tokenized, [_scores(task, self.estimator, each) for each in features]
            )
            for chunk, tokenized, features in _passes(self.encoder, dataset, split)
        )
        return {"examples": dataset.counts[split]} | measure(task, chunks)


def _features_of(encoder: TextEncoder, task: Task) -> keras.Model:
    name = "sequence_output" if task.kind == "tagging" else "sentence_embedding"
    transformer = encoder.transformer
    return keras.Model(transformer.input, {FEATURES: transformer.output[name]}, name=FEATURES)


def _training_rows(encoder: TextEncoder, dataset: TaskDataset) -> tuple[np.ndarray, np.ndarray]:
    """Features `(rows, hidden)` and labels; a row is an example, for tagging a word."""
    rows, labels = [], []
    for chunk, tokenized, features in _passes(encoder, dataset, "train"):
        if dataset.task.kind == "tagging":
            tags, first = align_labels(tokenized, chunk["word_starts"], chunk["label"])
            begins = first.values.numpy().astype(bool)
            rows.append(np.concatenate(features)[begins])
            labels.append(tags.values.numpy()[begins])
        else:
            rows.append(np.stack(features))
            labels.append(chunk["label"].numpy())
    return np.concatenate(rows), np.concatenate(labels)


def _passes(
    encoder: TextEncoder, dataset: TaskDataset, split: str
) -> Iterator[tuple[dict, TokenizedText, list[np.ndarray]]]:
    """Chunks of a split, tokenized, and an array of features a text, of tagging one row a piece."""
    forward = ForwardPass(_features_of(encoder, dataset.task))
    of_pieces = (FEATURES,) if dataset.task.kind == "tagging" else ()
    for chunk in dataset.stream(split, CHUNK):
        tokenized = encoder.tokenizer(chunk["text"])
        found = outputs_by_text(forward, [FEATURES], tokenized, of_pieces, batch_size=BATCH_SIZE)
        yield chunk, tokenized, found[FEATURES]


def _estimator(task: Task):
    logistic = LogisticRegression(max_iter=MAX_ITERATIONS)
    if task.kind == "regression":
        return Ridge()
    return OneVsRestClassifier(logistic) if task.kind == "multilabel" else logistic


def _scores(task: Task, estimator, features: np.ndarray) -> np.ndarray:
    """One text's outputs, of the form that a head gives; unseen classes have probability 0."""
    rows = np.atleast_2d(features)
    if task.kind == "regression":
        return estimator.predict(rows)[0]
    found = estimator.predict_proba(rows)
    if task.kind == "multilabel":
        return found[0]
    scores = np.zeros((len(rows), task.num_outputs), np.float32)
    scores[:, estimator.classes_] = found
    return scores if task.kind == "tagging" else scores[0]
