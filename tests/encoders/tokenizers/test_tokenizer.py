"""Words of raw text, labels of words, and the places of pieces."""

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mtl_keras.encoders.tokenizers.tokenizer import (
    TokenizedText,
    align_labels,
    enclosed,
    is_punctuation,
    place_keys,
    row_ids,
)


@pytest.fixture(scope="module")
def words_of(letters):
    """Words of texts, compiled."""
    return tf.function(
        lambda texts: letters.split_words(letters(texts)),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ", []),
        ("ab cd", ["ab", "cd"]),
        ("(ab) cd!", ["(", "ab", ")", "cd", "!"]),
        ("don't well-known a.b.", ["don't", "well-known", "a.b", "."]),
        ("what?! ... ab…", ["what", "?", "!", "...", "ab", "…"]),
        ("@ab #cd _e", ["@ab", "#cd", "_e"]),
        ('"ab," cd', ['"', "ab", ",", '"', "cd"]),
        ("\tÉa\u00a0我我", ["Éa", "我我"]),
        ("!!! !", ["!!!", "!"]),
        ("ab\U0001f600 cd", ["ab\U0001f600", "cd"]),
    ],
)
def test_words_of_raw_text(letters, text, words):
    tokenized = letters(tf.constant(["ab", text, "."]))  # neighbours must not matter
    first_piece, starts, limits = (column.to_list()[1] for column in letters.split_words(tokenized))
    encoded = text.encode()
    actual = [encoded[start:limit].decode() for start, limit in zip(starts, limits, strict=True)]
    assert actual == words
    assert [tokenized.starts.to_list()[1][piece] for piece in first_piece] == starts


@pytest.mark.slow
@given(st.text(alphabet="ab.,'-@ é我", max_size=30))
def test_words_cover_every_piece_once(words_of, text):
    words = words_of(tf.constant([text]))
    _, starts, limits = (column.to_list()[0] for column in words)
    assert all(limit <= start for limit, start in zip(limits, starts[1:], strict=False))
    covered = "".join(text.encode()[a:b].decode() for a, b in zip(starts, limits, strict=True))
    assert covered == "".join(text.split())


def test_a_words_label_belongs_to_its_first_piece(letters):
    tokenized = letters(tf.constant(["éab 我 c", "", "a b"]))
    labels, mask = align_labels(
        tokenized,
        tf.ragged.constant([[0, 5, 9], [], [0, 2]], dtype=tf.int32),
        tf.ragged.constant([[7, 8, 9], [], [0, 5]], dtype=tf.int32),
    )
    assert labels.to_list() == [[0, 7, 0, 0, 8, 9, 0], [0, 0], [0, 0, 5, 0]]
    assert mask.to_list() == [
        [False, True, False, False, True, True, False],
        [False, False],
        [False, True, True, False],
    ]


def test_words_without_a_piece_give_their_label_to_nobody(letters):
    tokenized = letters(tf.constant(["a \u200b b \u0301c"]))
    starts = tf.constant([[0, 2, 6, 8]])
    labels, _ = align_labels(
        tokenized, tf.RaggedTensor.from_tensor(starts), tf.ragged.constant([[1, 2, 3, 4]])
    )
    assert labels.to_list() == [[0, 1, 3, 4, 0]]


def test_a_piece_is_put_around_each_text_whose_end_is_cut():
    ids = tf.ragged.constant([[5, 6, 7], [], [8]])
    starts, limits = (
        tf.ragged.constant([[0, 2, 4], [], [0]]),
        tf.ragged.constant([[1, 3, 5], [], [9]]),
    )
    pieces = TokenizedText(ids, starts, limits, tf.cast(ids, tf.bool))
    around = enclosed(pieces, first=1, last=2, max_length=4)
    assert around.token_ids.to_list() == [[1, 5, 6, 2], [1, 2], [1, 8, 2]]
    assert around.starts.to_list() == [[0, 0, 2, 3], [0, 0], [0, 0, 9]]
    assert around.limits.to_list() == [[0, 1, 3, 3], [0, 0], [0, 9, 9]]
    assert around.is_text.to_list() == [
        [False, True, True, False],
        [False] * 2,
        [False, True, False],
    ]


def test_signs_that_are_of_a_word_are_no_punctuation():
    assert all(map(is_punctuation, ".,!?-—…$+<=>^`|~«¿"))
    assert not any(map(is_punctuation, ["@", "#", "_", "a", "1", "我", "...", ""]))


def test_rows_and_keys_rise_with_text_and_offset():
    offsets = tf.ragged.constant([[0, 7], [], [3]])
    assert row_ids(offsets).numpy().tolist() == [0, 0, 2]
    assert place_keys(offsets).numpy().tolist() == [0, 7, 2 * 2**32 + 3]
