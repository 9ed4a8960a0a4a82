"""Finds spans in rows of BIO tags, and measures their F1 while a model trains."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def spans(tags: Sequence[int]) -> list[tuple[int, int, int]]:
    """Returns `(type, first, end)` of each span in a row of tag indices (as in `Task.classes`).

    `end` is one past the last word. An `I-` that continues nothing begins a span.

    Example:

    >>> spans([0, 1, 2, 4, 3])
    [(0, 1, 3), (1, 3, 4), (1, 4, 5)]
    """
    in_order: list[tuple[int, int, int]] = []
    for place, tag in enumerate(tags):
        span_type = (tag - 1) // 2
        continues = tag > 0 and tag % 2 == 0 and place > 0 and tags[place - 1] > 0
        if continues and in_order and in_order[-1][::2] == (span_type, place):
            in_order[-1] = (span_type, in_order[-1][1], place + 1)
        elif tag > 0:
            in_order.append((span_type, place, place + 1))
    return in_order


@keras.saving.register_keras_serializable("mtl_keras")
class SpanF1(keras.metrics.Metric):
    """F1 of spans, micro-averaged: a span counts if type, start and end are all right.

    Tags are class indices as in `Task.classes`: 0 is `O`, 2t+1 and 2t+2 are `B-` and `I-` of
    type t. An `I-` that continues nothing begins a span (Tjong Kim Sang & De Meulder, 2003,
    `conlleval`).

    NaN if the labels have no span: it is undefined then.

    Call with tags `(batch, length)`, probabilities `(batch, length, classes)` and weights
    `(batch, length)` that are 1 at the first piece of a word and 0 elsewhere.
    """

    def __init__(self, name: str = "span_f1", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.matched = self.add_weight(name="matched", initializer="zeros")
        self.predicted = self.add_weight(name="predicted", initializer="zeros")
        self.actual = self.add_weight(name="actual", initializer="zeros")

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor) -> None:
        tags, answers, words = _words_first(y_true, tf.argmax(y_pred, -1), sample_weight > 0)
        true_starts, true_ends = _span_bounds(tf.where(words, tags, 0))
        starts, ends = _span_bounds(tf.where(words, answers, 0))
        same_type = (tags - 1) // 2 == (answers - 1) // 2
        matches = true_starts & starts & (true_ends == ends) & same_type
        for counter, mask in (
            (self.matched, matches),
            (self.predicted, starts),
            (self.actual, true_starts),
        ):
            counter.assign_add(tf.reduce_sum(tf.cast(mask, counter.dtype)))

    def result(self) -> tf.Tensor:
        share = tf.math.divide_no_nan(2 * self.matched, self.predicted + self.actual)
        return tf.where(self.actual > 0, share, np.nan)


def _words_first(
    tags: tf.Tensor, answers: tf.Tensor, words: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Moves the words of each row to its front, so that neighbours are words, not pieces.

    All are `(batch, length)`; `words` is bool, true where a word begins.
    """
    order = tf.argsort(tf.cast(~words, tf.int32), stable=True)
    return (
        tf.gather(tf.cast(tags, tf.int32), order, batch_dims=1),
        tf.gather(tf.cast(answers, tf.int32), order, batch_dims=1),
        tf.gather(words, order, batch_dims=1),
    )


def _span_bounds(tags: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns for tags `(batch, length)` whether a span starts there, and where it would end."""
    before = tf.pad(tags, ((0, 0), (1, 0)))[:, :-1]
    inside = tags > 0
    continues = inside & (tags % 2 == 0) & ((tags - 1) // 2 == (before - 1) // 2) & (before > 0)
    places = tf.broadcast_to(tf.range(tf.shape(tags)[1]), tf.shape(tags))
    breaks = tf.sort(tf.where(continues, tf.shape(tags)[1], places))
    following = tf.searchsorted(breaks, places, side="right")
    ends = tf.gather(_closed(breaks), following, batch_dims=1)
    return inside & ~continues, ends


def _closed(breaks: tf.Tensor) -> tf.Tensor:
    """Appends the length of a row to the rows, since every span ends there at the latest."""
    return tf.pad(breaks, ((0, 0), (0, 1)), constant_values=tf.shape(breaks)[1])
