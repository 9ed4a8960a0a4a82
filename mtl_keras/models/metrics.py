"""What is measured of a task while it trains, as Keras metrics."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from mtl_keras.data.task import Task


def training_metrics(
    task: Task, extra: Sequence[keras.metrics.Metric] = ()
) -> list[keras.metrics.Metric]:
    """A task's mean loss, the metrics of its kind, then the user's, named `<task>_<metric>`.

    classification: `accuracy`; multilabel: `micro_f1` (threshold 0.5); regression: `mae`;
    tagging: `span_f1`.
    """
    metrics = [keras.metrics.Mean("loss"), _of_kind(task), *extra]
    return [_renamed(metric, f"{task.name}_{metric.name}") for metric in metrics]


@keras.saving.register_keras_serializable("mtl_keras")
class SpanF1(keras.metrics.Metric):
    """F1 of spans, micro-averaged: a span counts where type, start and end are all right.

    Tags are class indices as in `Task.classes`: 0 is `O`, 2t+1 and 2t+2 are `B-` and `I-` of
    type t. An `I-` that continues nothing begins a span (Tjong Kim Sang & De Meulder, 2003,
    `conlleval`).

    Call with tags `(batch, length)`, probabilities `(batch, length, classes)` and weights
    `(batch, length)` that are 1 where a word begins and 0 elsewhere.
    """

    def __init__(self, name: str = "span_f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.matched = self.add_weight(name="matched", initializer="zeros")
        self.predicted = self.add_weight(name="predicted", initializer="zeros")
        self.actual = self.add_weight(name="actual", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight):
        tags, found, words = _words_first(y_true, tf.argmax(y_pred, -1), sample_weight > 0)
        true_starts, true_ends = _span_bounds(tf.where(words, tags, 0))
        starts, ends = _span_bounds(tf.where(words, found, 0))
        same_type = (tags - 1) // 2 == (found - 1) // 2
        matches = true_starts & starts & (true_ends == ends) & same_type
        for counter, mask in (
            (self.matched, matches),
            (self.predicted, starts),
            (self.actual, true_starts),
        ):
            counter.assign_add(tf.reduce_sum(tf.cast(mask, counter.dtype)))

    def result(self):
        return tf.math.divide_no_nan(2 * self.matched, self.predicted + self.actual)


def _words_first(tags, found, words):
    """Moves the words of each row to its front, so that neighbours are words, not pieces."""
    order = tf.argsort(tf.cast(~words, tf.int32), stable=True)
    return (
        tf.gather(tf.cast(tags, tf.int32), order, batch_dims=1),
        tf.gather(tf.cast(found, tf.int32), order, batch_dims=1),
        tf.gather(words, order, batch_dims=1),
    )


def _span_bounds(tags):  # (batch, length) → bool starts, and at each place the span's end
    before = tf.pad(tags, ((0, 0), (1, 0)))[:, :-1]
    inside = tags > 0
    continues = inside & (tags % 2 == 0) & ((tags - 1) // 2 == (before - 1) // 2) & (before > 0)
    places = tf.broadcast_to(tf.range(tf.shape(tags)[1]), tf.shape(tags))
    breaks = tf.sort(tf.where(continues, tf.shape(tags)[1], places))
    following = tf.searchsorted(breaks, places, side="right")
    ends = tf.gather(_closed(breaks), following, batch_dims=1)
    return inside & ~continues, ends


def _closed(breaks):
    """The rows with the length of a row appended: there every span ends."""
    return tf.pad(breaks, ((0, 0), (0, 1)), constant_values=tf.shape(breaks)[1])


def _of_kind(task: Task) -> keras.metrics.Metric:
    if task.kind == "tagging":
        return SpanF1()
    if task.kind == "multilabel":
        return keras.metrics.F1Score(average="micro", threshold=0.5, name="micro_f1")
    if task.kind == "regression":
        return _MeanAbsoluteError()
    return keras.metrics.SparseCategoricalAccuracy("accuracy")


@keras.saving.register_keras_serializable("mtl_keras")
class _MeanAbsoluteError(keras.metrics.Mean):
    """Mean absolute error of one number an example, weighted: all `(batch,)`."""

    def __init__(self, name: str = "mae", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        error = tf.abs(tf.cast(y_true, y_pred.dtype) - y_pred)
        return super().update_state(error, sample_weight)


def _renamed(metric: keras.metrics.Metric, name: str) -> keras.metrics.Metric:
    return type(metric).from_config(metric.get_config() | {"name": name})
