"""The kind `token_labels`: one label per word, such as its part of speech."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.answer_forms import character_span
from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.calibration import Calibration
from mtl_keras.models.kinds.graph_rows import padded_columns, rows_by_text, word_scores
from mtl_keras.models.kinds.judgements import NOTHING, Judgement
from mtl_keras.models.kinds.links import Softmax
from mtl_keras.models.kinds.probabilities import (
    added,
    class_probabilities,
    linear_classifier,
    macro_f1,
    matches_by_class,
    one_hot,
    ratio,
    softened_divergence,
    surprises,
)
from mtl_keras.models.kinds.served_words import word_of_passage
from mtl_keras.models.kinds.task_kind import (
    Scored,
    TaskKind,
    WordsOfText,
    noted,
)
from mtl_keras.models.kinds.vectors import WordVectors

NOT_READ = -1  # stands for the label of a word that is not read, and so is wrong


class TokenLabels(TaskKind):
    """Softmax over the labels at each word's first piece; accuracy over words."""

    name = "token_labels"
    reads = WordVectors(unread=0.0)
    link = Softmax()
    not_served = ("loss",)  # a word has the score of its answer only

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
        of_words, texts = word_scores(outputs, words.first_piece)
        columns = {
            "label": tf.gather(tf.constant(task.labels), tf.argmax(of_words, axis=-1)),
            "starts": words.starts.values,
            "limits": words.limits.values,
            "score": tf.reduce_max(of_words, axis=-1),
        }
        return padded_columns(
            {name: rows_by_text(values, texts, outputs) for name, values in columns.items()}
        )

    def answer(self, task: Task, text: str, outputs: np.ndarray, words: WordsOfText) -> list[dict]:
        encoded, answers = text.encode(), []
        for scores, byte_start, byte_limit in zip(
            outputs[words.first_piece], words.starts, words.limits, strict=True
        ):
            start, end = character_span(encoded, byte_start, byte_limit)
            word = {"start": start, "end": end, "text": text[start:end]}
            label, score = task.labels[int(scores.argmax())], float(scores.max())
            answers.append(word | {"label": label, "score": score})
        return answers

    def served_outputs(
        self, task: Task, answer: Any, text: str, word_starts: Sequence[int]
    ) -> np.ndarray:
        outputs = np.zeros((len(word_starts), task.num_outputs), np.float32)  # (words, labels)
        for part in reversed(answer):  # of a word's parts, the first one counts
            row = outputs[word_of_passage(part, word_starts)]
            row[:] = 0
            row[task.labels.index(part["label"])] = part["score"]
        return outputs

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        return np.where(outputs.any(axis=-1), outputs.argmax(axis=-1), NOT_READ)

    def measured(self, task: Task, chunks: Iterable[Scored]) -> dict[str, Any]:
        words, answerable, unlikely, matches = 0, 0, 0.0, []
        calibration = Calibration()
        for by_text in chunks:
            labels = np.concatenate(by_text[0], dtype=np.int64, casting="unsafe")  # (words,)
            scores = np.concatenate(by_text[1])  # (words, classes)
            words += len(labels)
            surprising = surprises(labels, scores)
            unlikely += float(np.sum(surprising))
            answerable += len(surprising)
            answers = self.decided(scores)
            matches.append(matches_by_class(labels, answers, scores.shape[-1]))
            is_read = answers != NOT_READ
            calibration.add(scores.max(-1)[is_read], (answers == labels)[is_read])
        of_classes = added(matches)  # (3, classes)
        macro, over = macro_f1(of_classes, task.labels)
        metrics = {
            "accuracy": ratio(float(of_classes[0].sum()), words),
            "macro_f1": macro,
            "ece": calibration.error(),
            "loss": ratio(unlikely, answerable),
        }
        return noted(metrics, {"macro_f1": over})

    def contribution(self, label: Any, outputs: np.ndarray) -> tuple[float, float]:
        return float(np.sum(self.decided(outputs) == np.asarray(label))), float(len(outputs))

    def judged(self, names: Sequence[str], label: Any, outputs: np.ndarray) -> list[Judgement]:
        answers = self.decided(outputs)
        return [
            Judgement(
                names[int(right)],
                NOTHING if answer == NOT_READ else names[answer],
                float(scores.max()),
                (word, word + 1),
            )
            for word, (right, answer, scores) in enumerate(
                zip(label, answers, outputs, strict=True)
            )
        ]

    def confidences(self, label: Any, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers = self.decided(outputs)
        is_read = answers != NOT_READ
        return outputs.max(-1)[is_read], (answers == np.asarray(label))[is_read]

    def probe(self, labels: np.ndarray) -> Any:
        return linear_classifier(labels)

    def probe_outputs(self, task: Task, probe: Any, rows: np.ndarray) -> np.ndarray:
        return class_probabilities(probe, rows, task.num_outputs)
