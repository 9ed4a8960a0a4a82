"""The kind `classification`: one label per text."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.calibration import top_label_error
from mtl_keras.models.kinds.judgements import Judgement
from mtl_keras.models.kinds.links import Softmax
from mtl_keras.models.kinds.probabilities import (
    class_probabilities,
    linear_classifier,
    macro_f1,
    matches_by_class,
    one_hot,
    ratio,
    softened_divergence,
    surprises,
)
from mtl_keras.models.kinds.task_kind import (
    Scored,
    TaskKind,
    WordsOfText,
    by_label,
    noted,
    stacked,
)
from mtl_keras.models.kinds.vectors import TextVectors


class Classification(TaskKind):
    """Softmax over the labels of a text; accuracy."""

    name = "classification"
    reads = TextVectors()
    link = Softmax()

    def targets(self, labels: np.ndarray, num_outputs: int) -> np.ndarray:
        return one_hot(labels, num_outputs)

    def loss(self, task: Task) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(reduction=None)

    def training_metric(self) -> keras.metrics.Metric:
        return keras.metrics.SparseCategoricalAccuracy("accuracy")

    def divergence(
        self, task: Task, target: tf.Tensor, output: tf.Tensor, temperature: float
    ) -> tf.Tensor:
        return softened_divergence(target, output, temperature)

    def graph_answer(self, task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
        best = tf.argmax(outputs, axis=-1)
        return {
            "label": tf.gather(tf.constant(task.labels), best),
            "score": tf.reduce_max(outputs, axis=-1),
            "scores": outputs,
        }

    def answer(self, task: Task, text: str, outputs: np.ndarray, words: WordsOfText) -> dict:
        best = int(np.argmax(outputs))
        score, scores = float(outputs[best]), by_label(task, outputs)
        return {"label": task.labels[best], "score": score, "scores": scores}

    def served_outputs(
        self, task: Task, answer: Any, text: str, word_starts: Sequence[int]
    ) -> np.ndarray:
        return np.array([answer["scores"][label] for label in task.labels], np.float32)

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.argmax(-1)

    def measured(self, task: Task, chunks: Iterable[Scored]) -> dict[str, Any]:
        labels, scores = stacked(chunks)  # (examples,), (examples, classes)
        answers, unlikely = scores.argmax(-1), surprises(labels, scores)
        matches = matches_by_class(labels, answers, scores.shape[-1])
        macro, over = macro_f1(matches, task.labels)
        metrics = {
            "accuracy": float(np.mean(answers == labels)),
            "macro_f1": macro,
            "ece": top_label_error(labels, scores),
            "loss": ratio(float(np.sum(unlikely)), len(unlikely)),
        }
        return noted(metrics, {"macro_f1": over})

    def contribution(self, label: Any, outputs: np.ndarray) -> tuple[float, float]:
        return float(outputs.argmax() == label), 1.0

    def judged(self, names: Sequence[str], label: Any, outputs: np.ndarray) -> list[Judgement]:
        best = int(outputs.argmax())
        return [Judgement(names[int(label)], names[best], float(outputs[best]))]

    def confidences(self, label: Any, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return outputs.max(keepdims=True), np.array([outputs.argmax() == label])

    def probe(self, labels: np.ndarray) -> Any:
        return linear_classifier(labels)

    def probe_outputs(self, task: Task, probe: Any, rows: np.ndarray) -> np.ndarray:
        return class_probabilities(probe, rows, task.num_outputs)
