"""The kind `tagging`: spans of words, from BIO tags."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.answer_forms import character_span
from mtl_keras.data.constant_answers import ConstantAnswer
from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.calibration import Calibration
from mtl_keras.models.kinds.graph_rows import padded_columns, rows_by_text, word_scores
from mtl_keras.models.kinds.judgements import NOTHING, Judgement
from mtl_keras.models.kinds.links import Softmax
from mtl_keras.models.kinds.probabilities import (
    class_probabilities,
    linear_classifier,
    one_hot,
    ratio,
    softened_divergence,
    surprises,
)
from mtl_keras.models.kinds.served_words import words_of_passage
from mtl_keras.models.kinds.spans import SpanF1, spans
from mtl_keras.models.kinds.task_kind import Scored, TaskKind, WordsOfText, noted
from mtl_keras.models.kinds.vectors import WordVectors


class Tagging(TaskKind):
    """Softmax over BIO tags at each word's first piece; F1 of whole spans."""

    name = "tagging"
    reads = WordVectors(unread=1.0)  # `O`: outside of spans
    link = Softmax()
    not_served = ("ece", "loss")  # words outside of spans have no score

    def targets(self, labels: np.ndarray, num_outputs: int) -> np.ndarray:
        return one_hot(labels, num_outputs)

    def loss(self, task: Task) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(reduction=None)

    def training_metric(self) -> keras.metrics.Metric:
        return SpanF1()

    def divergence(
        self, task: Task, target: tf.Tensor, output: tf.Tensor, temperature: float
    ) -> tf.Tensor:
        return softened_divergence(target, output, temperature)

    def graph_answer(self, task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
        of_words, texts = word_scores(outputs, words.first_piece)
        tags = tf.argmax(of_words, axis=-1, output_type=tf.int32)  # (words,)
        tagged = tags > 0
        span = tf.cumsum(tf.cast(_begins(tags, texts), tf.int32)) - 1
        span, texts = tf.boolean_mask(span, tagged), tf.boolean_mask(texts, tagged)
        count = tf.reduce_max(tf.concat([[-1], span], axis=0)) + 1

        def of_spans(values: tf.Tensor, reduce: Callable[..., tf.Tensor]) -> tf.Tensor:
            return reduce(tf.boolean_mask(values, tagged), span, count)  # (spans,)

        columns = {
            "label": tf.gather(
                tf.constant(task.labels), of_spans((tags - 1) // 2, tf.math.unsorted_segment_max)
            ),
            "starts": of_spans(words.starts.values, tf.math.unsorted_segment_min),
            "limits": of_spans(words.limits.values, tf.math.unsorted_segment_max),
            "score": of_spans(tf.reduce_max(of_words, axis=-1), tf.math.unsorted_segment_mean),
        }
        rows = tf.math.unsorted_segment_max(texts, span, count)
        return padded_columns(
            {name: rows_by_text(values, rows, outputs) for name, values in columns.items()}
        )

    def answer(self, task: Task, text: str, outputs: np.ndarray, words: WordsOfText) -> list[dict]:
        of_words = outputs[words.first_piece]  # (words, classes)
        encoded, entities = text.encode(), []
        for span_type, first, end in spans(of_words.argmax(-1)):
            start, limit = character_span(encoded, words.starts[first], words.limits[end - 1])
            score = float(of_words[first:end].max(-1).mean())
            entity = {"start": start, "end": limit, "text": text[start:limit]}
            entities.append(entity | {"label": task.labels[span_type], "score": score})
        return entities

    def served_outputs(
        self, task: Task, answer: Any, text: str, word_starts: Sequence[int]
    ) -> np.ndarray:
        tags = np.zeros(len(word_starts), np.int32)  # (words,)
        for span in answer:
            first, end = words_of_passage(span, text, word_starts)
            begins = 2 * task.labels.index(span["label"]) + 1
            tags[first:end] = begins + 1
            tags[first : min(first + 1, end)] = begins
        return one_hot(tags, task.num_outputs)

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.argmax(-1)

    def measured(self, task: Task, chunks: Iterable[Scored]) -> dict[str, Any]:
        matched = predicted = actual = words = 0
        unlikely, calibration = 0.0, Calibration()
        for labels, outputs in chunks:
            for row, output in zip(labels, outputs, strict=True):
                right, answered = set(spans(row)), set(spans(output.argmax(-1)))
                matched += len(right & answered)
                predicted += len(answered)
                actual += len(right)
                tags = np.asarray(row, np.int64)
                calibration.add(output.max(-1), output.argmax(-1) == tags)
                surprising = surprises(tags, output)
                words += len(surprising)
                unlikely += float(np.sum(surprising))
        metrics = {
            "span_f1": ratio(2 * matched, predicted + actual),
            "precision": ratio(matched, predicted),
            "recall": ratio(matched, actual),
            "ece": calibration.error(),
            "loss": ratio(unlikely, words),
        }
        return noted(metrics, _notes(predicted, actual))

    def contribution(self, label: Any, outputs: np.ndarray) -> tuple[float, float]:
        right, answered = set(spans(label)), set(spans(outputs.argmax(-1)))
        return 2.0 * len(right & answered), float(len(right) + len(answered))

    def judged(self, names: Sequence[str], label: Any, outputs: np.ndarray) -> list[Judgement]:
        right, answered = (
            {(first, end): names[span_type] for span_type, first, end in spans(tags)}
            for tags in (label, outputs.argmax(-1))
        )
        return [
            Judgement(
                right.get(words, NOTHING),
                answered.get(words, NOTHING),
                float(outputs[slice(*words)].max(-1).mean()),
                words,
            )
            for words in sorted({*right, *answered})
        ]

    def confidences(self, label: Any, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return outputs.max(-1), outputs.argmax(-1) == np.asarray(label)

    def constant_row(self, task: Task, answer: ConstantAnswer) -> np.ndarray:
        return one_hot(np.zeros(1, np.int32), task.num_outputs)[0]  # `O`

    def probe(self, labels: np.ndarray) -> Any:
        return linear_classifier(labels)

    def probe_outputs(self, task: Task, probe: Any, rows: np.ndarray) -> np.ndarray:
        return class_probabilities(probe, rows, task.num_outputs)


def _notes(predicted: int, actual: int) -> dict[str, str]:
    """Returns why F1, precision or recall is undefined, or why F1 is 0 for any answers."""
    none, unanswered = "no example has a span", "no answer has a span"
    notes = {
        "precision": "" if predicted else f"undefined: {unanswered}",
        "recall": "" if actual else f"undefined: {none}",
    }
    if not actual:
        outcome = "0 as no example has a span, but some answers do"
        notes["span_f1"] = outcome if predicted else f"undefined: {none}, and {unanswered}"
    return notes


def _begins(tags: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """Returns which words begin a span: every B-, and each I- that continues no span of its type.

    Args:
        tags: of all words, `(words,)`.
        texts: the text of each, `(words,)`.
    """
    before = tf.concat([[0], tags], axis=0)[:-1]
    same_text = tf.concat([[-1], texts], axis=0)[:-1] == texts
    inside = tags % 2 == 0
    follows = inside & same_text & (before > 0) & ((before - 1) // 2 == (tags - 1) // 2)
    return (tags > 0) & ~follows
