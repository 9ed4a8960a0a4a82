"""Metrics against what others compute."""

import numpy as np
import pytest
import tensorflow as tf
from seqeval.metrics import f1_score

from mtl_keras.data.task import Task
from mtl_keras.models.metrics import SpanF1, training_metrics

ENTITIES = Task("entities", kind="tagging", labels=["city", "product"])


def _pieces(generator, words, length):
    """A row of pieces: which begin a word, and where the padding begins."""
    begins = np.zeros(length, bool)
    begins[np.sort(generator.choice(np.arange(1, length), words, replace=False))] = True
    return begins


@pytest.mark.parametrize("jit_compile", [False, True])
def test_span_f1_equals_seqeval_on_random_tags(jit_compile):
    generator = np.random.default_rng(0)
    metric = SpanF1()
    update = tf.function(metric.update_state, jit_compile=jit_compile)
    true_rows, found_rows = [], []
    for _ in range(5):
        tags = generator.integers(0, 5, (8, 20))
        found = np.where(generator.random((8, 20)) < 0.7, tags, generator.integers(0, 5, (8, 20)))
        begins = np.stack([_pieces(generator, generator.integers(1, 15), 20) for _ in range(8)])
        update(tf.constant(tags), tf.one_hot(found, 5), tf.cast(begins, tf.float32))
        for row in range(8):
            true_rows.append([ENTITIES.classes[tag] for tag in tags[row][begins[row]]])
            found_rows.append([ENTITIES.classes[tag] for tag in found[row][begins[row]]])
    assert float(metric.result()) == pytest.approx(f1_score(true_rows, found_rows), abs=1e-6)


def test_metrics_are_named_after_their_task():
    assert [metric.name for metric in training_metrics(ENTITIES)] == [
        "entities_loss",
        "entities_span_f1",
    ]


def test_absolute_error_is_weighted():
    metric = training_metrics(Task("stars", kind="regression"))[1]
    metric.update_state(tf.constant([1.0, 2.0]), tf.constant([2.0, 9.0]), tf.constant([1.0, 0.0]))
    assert float(metric.result()) == 1.0
