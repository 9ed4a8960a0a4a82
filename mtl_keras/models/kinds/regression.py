"""The kind `regression`: one number per text."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.constant_answers import ConstantAnswer
from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.judgements import Judgement
from mtl_keras.models.kinds.links import Identity
from mtl_keras.models.kinds.task_kind import (
    Scored,
    TaskKind,
    WordsOfText,
    stacked,
)
from mtl_keras.models.kinds.vectors import TextVectors


class Regression(TaskKind):
    """A linear layer of one output; squared error trains it, absolute error judges it."""

    name = "regression"
    reads = TextVectors()
    link = Identity()
    not_served = ("loss",)  # is in deviations, which answers do not have

    def head_outputs(self, activations: tf.Tensor) -> tf.Tensor:
        return activations[:, 0]  # (batch, 1) → (batch,)

    def in_units(self, task: Task, outputs: tf.Tensor) -> tf.Tensor:
        if task.scale is None:
            return outputs
        mean, deviation = task.scale
        return mean + deviation * outputs

    def of_units(
        self, task: Task, kernel: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation = task.scale or (0.0, 1.0)
        return kernel / deviation, (bias - mean) / deviation

    def targets(self, labels: np.ndarray, num_outputs: int) -> np.ndarray:
        return labels.astype(np.float32).reshape(-1, 1)

    def loss(self, task: Task) -> keras.losses.Loss:
        return _SquaredError(_deviation(task))

    def answerable(
        self, labels: tf.Tensor, weights: tf.Tensor, outputs: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return labels, weights

    def training_metric(self) -> keras.metrics.Metric:
        return _MeanAbsoluteError()

    def divergence(
        self, task: Task, target: tf.Tensor, output: tf.Tensor, temperature: float
    ) -> tf.Tensor:
        return tf.square((target - output) / _deviation(task))

    def graph_answer(self, task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
        return {"value": outputs}

    def answer(self, task: Task, text: str, outputs: np.ndarray, words: WordsOfText) -> dict:
        return {"value": float(outputs)}

    def served_outputs(
        self, task: Task, answer: Any, text: str, word_starts: Sequence[int]
    ) -> np.ndarray:
        return np.array(answer["value"], np.float32)

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        return outputs

    def measured(self, task: Task, chunks: Iterable[Scored]) -> dict[str, Any]:
        labels, values = stacked(chunks)  # both (examples,)
        error = values - labels
        squared = float(np.mean(error**2))
        return {
            "mae": float(np.mean(np.abs(error))),
            "rmse": squared**0.5,
            "ece": None,  # there are no probabilities
            "loss": squared / _deviation(task) ** 2,
        }

    def contribution(self, label: Any, outputs: np.ndarray) -> tuple[float, float]:
        return abs(outputs - label), 1.0

    def judged(self, names: Sequence[str], label: Any, outputs: np.ndarray) -> list[Judgement]:
        return [Judgement(float(label), float(outputs), abs(float(outputs) - float(label)))]

    def confidences(self, label: Any, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(0), np.zeros(0, bool)

    def constant_row(self, task: Task, answer: ConstantAnswer) -> np.ndarray:
        return np.array(answer.number, np.float32)

    def probe(self, labels: np.ndarray) -> Any:
        from sklearn.linear_model import Ridge

        return Ridge()

    def probe_outputs(self, task: Task, probe: Any, rows: np.ndarray) -> np.ndarray:
        return probe.predict(rows)


def _deviation(task: Task) -> float:
    """Returns the standard deviation of the labels, 1 if the task has no scale."""
    return 1.0 if task.scale is None else task.scale[1]


class _SquaredError(keras.losses.Loss):
    """Squared error of one number per example, in deviations: two `(batch,)` → `(batch,)`.

    Keras's own averages over the last axis, which here is the batch.
    """

    def __init__(self, deviation: float) -> None:
        super().__init__(name="squared_error", reduction=None)
        self.deviation = deviation

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return tf.square((tf.cast(y_true, y_pred.dtype) - y_pred) / self.deviation)


@keras.saving.register_keras_serializable("mtl_keras")
class _MeanAbsoluteError(keras.metrics.Mean):
    """Weighted mean absolute error of one number per example: all `(batch,)`."""

    def __init__(self, name: str = "mae", **kwargs: Any):
        super().__init__(name=name, **kwargs)

    def update_state(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> Any:
        error = tf.abs(tf.cast(y_true, y_pred.dtype) - y_pred)
        return super().update_state(error, sample_weight)
