"""What linear models read without an encoder, against scikit-learn on plain strings."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from support.every_kind import TASKS

from mtl_keras.data.task import Task
from mtl_keras.evaluation.lexical import Lexical, word_features

TOPIC, PARTS = (next(task for task in TASKS if task.name == name) for name in ("topic", "parts"))


@pytest.fixture
def reading_of(tiny_encoder):
    return lambda task: Lexical(tiny_encoder(), task)


def test_texts_are_read_as_words_and_pairs_of_them(reading_of):
    texts = ["Good, good film", "bad film!", "good", "bad"]
    reading = reading_of(TOPIC)
    rows, labels = reading.training_rows(
        {"text": tf.constant(texts), "label": tf.constant([1, 0, 1, 0])}
    )
    model = reading.estimator(labels).fit(rows, labels)
    assert {"good", "film !", "bad film", ","} <= {*model[0].vocabulary_}
    expected = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]+").fit(texts)
    np.testing.assert_allclose(
        model[0].transform(texts).toarray(), expected.transform(texts).toarray(), rtol=1e-5
    )


@pytest.mark.parametrize("texts", [["a", "b"], ["!", "?"], ["🙂", "漢字"], ["\u200b", "\x01"]])
def test_no_text_is_without_a_token(reading_of, texts):
    reading, labels = reading_of(TOPIC), np.array([0, 1])
    model = reading.estimator(labels).fit(np.array(texts, object), labels)
    assert model.predict(texts).tolist() == [0, 1]


def test_words_are_read_with_their_neighbours(reading_of):
    chunk = {
        "text": tf.constant(["né à Łódź", "x"]),
        "label": tf.ragged.constant([[0, 0, 1], [2]]),
        "word_starts": tf.ragged.constant([[0, 4, 7], [0]]),
    }
    rows, labels = reading_of(PARTS).training_rows(chunk)
    assert [row[0] for row in rows] == ["word=né", "word=à", "word=łódź", "word=x"]
    assert rows[1][-4:] == ["before=né", "before shape=x", "after=łódź", "after shape=Xx"]
    assert rows[3][-4:] == ["before=", "before shape=", "after=", "after shape="]
    assert labels.tolist() == [0, 0, 1, 2]


def test_a_words_label_is_learnt_from_its_form_and_its_neighbours(reading_of):
    words = [["in", "Leeds"], ["a", "leeds"], ["in", "York"], ["a", "dog"]] * 5
    labels = np.array([[0, 1], [0, 0], [0, 1], [0, 0]] * 5).ravel()
    rows = [features for of_text in words for features in word_features(of_text)]
    model = reading_of(PARTS).estimator(labels).fit(rows, labels)
    assert model.predict([*word_features(["in", "Bath"])]).tolist() == [0, 1]


@given(st.lists(st.text(min_size=1, max_size=8), max_size=6))
def test_every_word_has_features(words):
    assert len([*word_features(words)]) == len(words)


def test_outputs_come_back_by_example(reading_of):
    chunk = {
        "text": tf.constant(["a b", "c"]),
        "label": tf.ragged.constant([[0, 1], [2]]),
        "word_starts": tf.ragged.constant([[0, 2], [0]]),
    }
    labels, outputs = reading_of(PARTS).scored(chunk, lambda rows: np.eye(3)[: len(rows)])
    assert labels == [[0, 1], [2]]
    assert [output.shape for output in outputs] == [(2, 3), (1, 3)]
    of_text = {"text": tf.constant(["a b", "c"]), "label": tf.constant([1.5, 2.0])}
    reading = reading_of(Task("stars", kind="regression"))
    labels, outputs = reading.scored(of_text, lambda rows: np.ones(len(rows)))
    assert (labels, outputs) == ([1.5, 2.0], [1.0, 1.0])
