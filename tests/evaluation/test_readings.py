"""What linear models read of an encoder: what a head would, or its token table alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.every_kind import open_every_kind

from mtl_keras.encoders.levels import cut_above
from mtl_keras.evaluation.readings import EncoderFeatures, StaticVectors

TEXTS = ["abc d", "gg"]


def _chunk(task) -> dict:
    if not task.label_kind.per_word:
        return {"text": tf.constant(TEXTS), "label": tf.constant([0, 1])}
    starts = tf.ragged.constant([[0, 4], [0]], dtype=tf.int32)
    return {"text": tf.constant(TEXTS), "label": starts, "word_starts": starts}


@pytest.fixture
def encoder(tiny_encoder):
    return tiny_encoder()


def _means(encoder, strings) -> np.ndarray:
    """Of each string's pieces, without `[CLS]` and `[SEP]`."""
    table = encoder.transformer.get_layer("embeddings").token.numpy()
    ids = encoder.tokenizer(tf.constant(strings)).token_ids.to_list()
    return np.stack([table[of_text[1:-1]].mean(0) for of_text in ids])


def test_static_vectors_of_texts_are_means_of_rows_of_the_token_table(encoder, tmp_path):
    task = open_every_kind(tmp_path)["topic"].task
    rows, labels = StaticVectors(encoder, task).training_rows(_chunk(task))
    np.testing.assert_allclose(rows, _means(encoder, TEXTS), rtol=1e-6)
    assert labels.tolist() == [0, 1]


def test_static_vectors_of_words_are_means_over_each_word(encoder, tmp_path):
    task = open_every_kind(tmp_path)["parts"].task
    rows, labels = StaticVectors(encoder, task).training_rows(_chunk(task))
    np.testing.assert_allclose(rows, _means(encoder, ["abc", "d", "gg"]), rtol=1e-6)
    assert labels.tolist() == [0, 4, 0]


def test_nothing_but_the_table_counts(encoder, tmp_path):
    task = open_every_kind(tmp_path)["topic"].task
    before, _ = StaticVectors(encoder, task).training_rows(_chunk(task))
    embeddings = encoder.transformer.get_layer("embeddings")
    for weight in encoder.transformer.weights:
        if weight is not embeddings.token:
            weight.assign(weight + 1.0)
    after, _ = StaticVectors(encoder, task).training_rows(_chunk(task))
    np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_encoder_features_are_what_encode_gives(encoder, tmp_path):
    task = open_every_kind(tmp_path)["topic"].task
    rows, _ = EncoderFeatures(encoder, task).training_rows(_chunk(task))
    expected = encoder.encode(TEXTS)["sentence_embedding"]
    np.testing.assert_allclose(rows, expected, atol=1e-5)


@pytest.mark.slow
def test_encoder_features_are_of_the_level_that_the_task_reads(encoder, tmp_path):
    task = dataclasses.replace(open_every_kind(tmp_path)["topic"].task, reads="block_0")
    rows, _ = EncoderFeatures(encoder, task).training_rows(_chunk(task))
    lower = EncoderFeatures(cut_above(encoder, "block_0"), dataclasses.replace(task, reads="last"))
    expected, _ = lower.training_rows(_chunk(task))
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    above, _ = EncoderFeatures(encoder, dataclasses.replace(task, reads="last")).training_rows(
        _chunk(task)
    )
    assert not np.allclose(rows, above, atol=1e-3)


@pytest.mark.parametrize("name", ["topic", "parts"])
def test_outputs_come_back_by_example(encoder, tmp_path, name):
    task = open_every_kind(tmp_path)[name].task
    reading = StaticVectors(encoder, task)
    labels, outputs = reading.scored(
        _chunk(task), lambda rows: np.arange(2 * len(rows)).reshape(-1, 2)
    )
    assert len(labels) == len(outputs) == 2
    assert [output.shape for output in outputs] == (
        [(2, 2), (1, 2)] if name == "parts" else [(2,)] * 2
    )
