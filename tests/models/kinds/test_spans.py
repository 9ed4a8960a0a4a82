"""Spans, against what seqeval finds."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.spans import SpanF1, spans

ENTITIES = Task("entities", kind="tagging", labels=["city", "product"])


def _pieces(generator, words, length):
    """A row of pieces: which begin a word, and where the padding begins."""
    begins = np.zeros(length, bool)
    begins[np.sort(generator.choice(np.arange(1, length), words, replace=False))] = True
    return begins


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_span_f1_equals_seqeval_on_random_tags(jit_compile):
    generator = np.random.default_rng(0)
    metric = SpanF1()
    update = tf.function(metric.update_state, jit_compile=jit_compile)
    true_rows, found_rows = [], []
    for _ in range(5):
        tags = generator.integers(0, 5, (8, 20))
        actual = np.where(generator.random((8, 20)) < 0.7, tags, generator.integers(0, 5, (8, 20)))
        begins = np.stack([_pieces(generator, generator.integers(1, 15), 20) for _ in range(8)])
        update(tf.constant(tags), tf.one_hot(actual, 5), tf.cast(begins, tf.float32))
        for row in range(8):
            true_rows.append([ENTITIES.classes[tag] for tag in tags[row][begins[row]]])
            found_rows.append([ENTITIES.classes[tag] for tag in actual[row][begins[row]]])
    assert float(metric.result()) == pytest.approx(f1_score(true_rows, found_rows), abs=1e-6)


@given(st.lists(st.integers(0, 4), max_size=12))
def test_spans_are_those_of_seqeval(tags):
    expected = get_entities([ENTITIES.classes[tag] for tag in tags])
    actual = [(ENTITIES.labels[kind], first, end - 1) for kind, first, end in spans(tags)]
    assert actual == expected
