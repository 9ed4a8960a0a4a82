"""The kind `multilabel`: any number of labels per text."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.calibration import Calibration
from mtl_keras.models.kinds.graph_rows import rows_by_text
from mtl_keras.models.kinds.judgements import NOTHING, Judgement
from mtl_keras.models.kinds.links import Sigmoid
from mtl_keras.models.kinds.probabilities import MAX_ITERATIONS, macro_f1, ratio, surprise
from mtl_keras.models.kinds.task_kind import (
    Scored,
    TaskKind,
    WordsOfText,
    by_label,
    noted,
    stacked,
)
from mtl_keras.models.kinds.vectors import TextVectors

THRESHOLD = 0.5  # of a label's probability
NO_LABEL = "0 as no example has a label, but some answers do"


class Multilabel(TaskKind):
    """A sigmoid for each label of a text; F1 of all labels together, over the threshold."""

    name = "multilabel"
    reads = TextVectors()
    link = Sigmoid()

    def targets(self, labels: np.ndarray, num_outputs: int) -> np.ndarray:
        return labels.astype(np.float32)

    def loss(self, task: Task) -> keras.losses.Loss:
        return keras.losses.BinaryCrossentropy(reduction=None)

    def answerable(
        self, labels: tf.Tensor, weights: tf.Tensor, outputs: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return labels[:, : tf.shape(outputs)[-1]], weights

    def training_metric(self) -> keras.metrics.Metric:
        return _MicroF1(average="micro", threshold=THRESHOLD, name="micro_f1")

    def divergence(
        self, task: Task, target: tf.Tensor, output: tf.Tensor, temperature: float
    ) -> tf.Tensor:
        """Returns `KL(q ‖ p)` of each label: `(batch, labels)`."""
        # Keras computes from the logits behind `output`, so that its gradient stays near 0 and 1.
        entropy = keras.ops.binary_crossentropy(target, target)
        return keras.ops.binary_crossentropy(target, output) - entropy

    def graph_answer(self, task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
        chosen = outputs > THRESHOLD
        places = tf.where(chosen)  # (chosen, 2)
        label = tf.gather(tf.constant(task.labels), places[:, 1])
        by_text = rows_by_text(label, places[:, 0], outputs)
        counts = tf.reduce_sum(tf.cast(chosen, tf.int32), axis=-1)
        return {"label": by_text.to_tensor(""), "count": counts, "scores": outputs}

    def answer(self, task: Task, text: str, outputs: np.ndarray, words: WordsOfText) -> dict:
        scores = by_label(task, outputs)
        chosen = [label for label, score in scores.items() if score > THRESHOLD]
        return {"labels": chosen, "scores": scores}

    def served_outputs(
        self, task: Task, answer: Any, text: str, word_starts: Sequence[int]
    ) -> np.ndarray:
        return np.array([answer["scores"][label] for label in task.labels], np.float32)

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        return outputs > THRESHOLD

    def measured(self, task: Task, chunks: Iterable[Scored]) -> dict[str, Any]:
        labels, scores = stacked(chunks)  # (examples, labels and those that training lacks)
        answerable = labels[:, : scores.shape[-1]] > 0
        calibration = Calibration()
        calibration.add(scores.ravel(), answerable.ravel())  # each label of each example
        of_right = np.where(answerable, scores, 1 - scores)
        scores = _widened(scores, labels.shape[-1])
        right, chosen = labels > 0, scores > THRESHOLD
        sums = np.stack([flags.sum(axis=0) for flags in (right & chosen, chosen, right)])
        matched, predicted, actual = map(float, sums.sum(axis=1))  # of (3, labels)
        macro, over = macro_f1(sums, task.labels)
        metrics = {
            "micro_f1": ratio(2 * matched, predicted + actual),
            "macro_f1": macro,
            "ece": calibration.error(),
            "loss": float(np.mean(surprise(of_right))),
        }
        undefined = "undefined: neither the examples nor the answers have any label"
        micro = undefined if metrics["micro_f1"] is None else NO_LABEL if not actual else ""
        return noted(metrics, {"micro_f1": micro, "macro_f1": over})

    def contribution(self, label: Any, outputs: np.ndarray) -> tuple[float, float]:
        right = np.asarray(label) > 0
        chosen = _widened(outputs, len(right)) > THRESHOLD
        return 2.0 * np.sum(right & chosen), float(np.sum(right) + np.sum(chosen))

    def judged(self, names: Sequence[str], label: Any, outputs: np.ndarray) -> list[Judgement]:
        right = np.asarray(label) > 0
        scores = _widened(outputs, len(right))
        chosen = scores > THRESHOLD
        return [
            Judgement(
                names[index] if right[index] else NOTHING,
                names[index] if chosen[index] else NOTHING,
                float(scores[index] if chosen[index] else 1 - scores[index]),
            )
            for index in np.flatnonzero(right | chosen).tolist()
        ]

    def confidences(self, label: Any, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return outputs, np.asarray(label)[: len(outputs)] > 0  # each label's

    def probe(self, labels: np.ndarray) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        return OneVsRestClassifier(LogisticRegression(max_iter=MAX_ITERATIONS))

    def probe_outputs(self, task: Task, probe: Any, rows: np.ndarray) -> np.ndarray:
        return probe.predict_proba(rows)


def _widened(scores: np.ndarray, width: int) -> np.ndarray:
    """Returns scores `(…, labels)` with columns of 0 for labels that training lacks."""
    missing = width - scores.shape[-1]
    return np.pad(scores, [(0, 0)] * (scores.ndim - 1) + [(0, missing)])


@keras.saving.register_keras_serializable("mtl_keras")
class _MicroF1(keras.metrics.F1Score):
    """F1 of all labels together; NaN without an example that has a label: nothing judges then.

    Labels that training lacks are columns of `y_true` alone, and are missed.
    """

    def update_state(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> None:
        more = tf.maximum(tf.shape(y_true)[-1] - tf.shape(y_pred)[-1], 0)
        y_pred = tf.pad(y_pred, ((0, 0), (0, more)))
        super().update_state(y_true, y_pred, sample_weight)

    def result(self) -> tf.Tensor:
        has_labels = tf.reduce_sum(self.true_positives + self.false_negatives) > 0
        return tf.where(has_labels, super().result(), np.nan)
