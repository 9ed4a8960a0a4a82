"""One free label a word."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.task_kind import WordsOfText
from mtl_keras.models.kinds.token_labels import NOT_READ, TokenLabels

PARTS, KIND = Task("parts", kind="token_labels", labels=["NOUN", "O", "B-x"]), TokenLabels()
# Labels and answers of the words of some texts; an answer of -1: the word is not read.
texts = st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 2)), min_size=1), min_size=1)


def _scored(pairs):
    rows = np.concatenate([np.eye(3), np.zeros((1, 3))])  # the last stands for -1
    labels = [[label for label, _ in text] for text in pairs]
    return labels, [rows[[answer for _, answer in text]] for text in pairs]


@pytest.mark.slow
@given(texts)
def test_metrics_are_those_of_scikit_learn_over_words(pairs):
    metrics = KIND.measured(PARTS, [_scored(pairs[:1]), _scored(pairs)])
    labels, answers = np.array([pair for text in pairs[:1] + pairs for pair in text]).T
    within = sorted({*labels, *answers} - {-1})
    macro = f1_score(labels, answers, labels=within, average="macro", zero_division=0.0)
    assert metrics["accuracy"] == accuracy_score(labels, answers)
    assert metrics["macro_f1"] == pytest.approx(macro)


def test_a_word_that_is_not_read_is_wrong_whatever_its_label():
    unread = np.zeros((3, 3))
    assert KIND.decided(unread).tolist() == [NOT_READ] * 3
    assert KIND.contribution([0, 1, 2], unread) == (0.0, 3.0)
    assert np.isfinite(KIND.measured(PARTS, [([[0, 1, 2]], [unread])])["loss"])


def test_every_word_is_answered_with_characters_and_its_own_score():
    words = WordsOfText(np.array([1, 3]), np.array([0, 3]), np.array([2, 5]))
    outputs = np.array([[0, 0, 1], [0.1, 0.2, 0.7], [1, 0, 0], [0.25, 0.5, 0.25], [0, 0, 1]])
    assert KIND.answer(PARTS, "é de", outputs, words) == [
        {"start": 0, "end": 1, "text": "é", "label": "B-x", "score": 0.7},
        {"start": 2, "end": 4, "text": "de", "label": "O", "score": 0.5},
    ]


def test_the_graph_has_an_entry_for_every_word_and_pads_the_rest():
    outputs = tf.constant([[[0.0, 0, 1], [0.5, 0.25, 0.25]], [[0.2, 0.8, 0], [1.0, 0, 0]]])
    places = tf.ragged.constant([[0, 1], [1]], tf.int32)
    starts, limits = tf.ragged.constant([[0, 3], [2]]), tf.ragged.constant([[2, 5], [4]])
    answer = KIND.graph_answer(PARTS, outputs, Words(places, starts, limits))
    assert {name: column.numpy().tolist() for name, column in answer.items()} == {
        "label": [[b"B-x", b"NOUN"], [b"NOUN", b""]],
        "starts": [[0, 3], [2, 0]],
        "limits": [[2, 5], [4, 0]],
        "score": [[1.0, 0.5], [1.0, 0.0]],
        "count": [2, 1],
    }
