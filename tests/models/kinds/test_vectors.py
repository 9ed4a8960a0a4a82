"""Which vectors a head reads."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.models.kinds.vectors import TextVectors, WordVectors, unlike

TEXTS = ["ab c", "c ab ab"]


@pytest.fixture(scope="module")
def tokenized():
    """Of at most 5 pieces: of the second text, `c` and the first `ab` are read."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "c"]
    return WordpieceTokenizer(vocabulary, lowercase=True, max_length=5)(tf.constant(TEXTS))


@pytest.fixture
def chunk():
    return {
        "text": tf.constant(TEXTS),
        "label": tf.ragged.constant([[1, 2], [2, 1, 1]]),
        "word_starts": tf.ragged.constant([[0, 3], [0, 2, 5]]),
    }


def _outputs(tokenized):
    """The probability of class 0 is the place of the piece, over 10."""
    places = [np.arange(length) / 10 for length in tokenized.token_ids.row_lengths().numpy()]
    return [np.stack([place, 1 - place], axis=1) for place in places]


@pytest.mark.parametrize("unread", [0.0, 1.0])
def test_a_word_has_the_outputs_of_its_first_piece(tokenized, chunk, unread):
    labels, outputs = WordVectors(unread).by_example(chunk, tokenized, _outputs(tokenized))
    assert labels == [[1, 2], [2, 1, 1]]
    np.testing.assert_allclose(outputs[0][:, 0], [0.1, 0.3])
    np.testing.assert_allclose(outputs[1][:, 0], [0.1, 0.2, unread])
    assert outputs[1][2].sum() == unread


def test_words_that_are_cut_off_train_nothing(tokenized, chunk):
    vectors, labels = WordVectors(0.0).training_rows(chunk, tokenized, _outputs(tokenized))
    np.testing.assert_allclose(vectors[:, 0], [0.1, 0.3, 0.1, 0.2])
    assert labels.tolist() == [1, 2, 2, 1]


def test_a_text_has_one_vector(tokenized):
    chunk, vectors = {"label": tf.constant([3, 1])}, [np.zeros(4), np.ones(4)]
    rows, labels = TextVectors().training_rows(chunk, tokenized, vectors)
    assert rows.shape == (2, 4)
    assert labels.tolist() == [3, 1]


def test_pieces_are_averaged_over_texts_and_over_words(tokenized, chunk):
    texts = [np.array(row) for row in ([9, 1, 3, 4, 9], [9, 4, 1, 2, 9])]  # [CLS] a ##b c [SEP], …
    pieces = [row[:, np.newaxis].astype(np.float32) for row in texts]
    assert [mean.tolist() for mean in TextVectors().averaged(chunk, tokenized, pieces)] == [
        [pytest.approx(8 / 3)],
        [pytest.approx(7 / 3)],
    ]
    words = WordVectors(0.0).averaged(chunk, tokenized, pieces)
    assert [of_text[1:-1, 0].tolist() for of_text in words] == [[2, 2, 4], [4, 1.5, 1.5]]


def test_a_text_without_a_piece_has_an_average_of_0():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"]
    tokenized = WordpieceTokenizer(vocabulary, lowercase=True)(tf.constant([" "]))
    (mean,) = TextVectors().averaged({}, tokenized, [np.ones((2, 3))])
    assert mean.tolist() == [0, 0, 0]


@pytest.mark.parametrize("vectors", [TextVectors(), WordVectors(0.0)])
def test_what_is_joined_is_split(vectors):
    by_text = [np.ones(3), np.zeros(3)] if vectors.axes == 1 else [np.ones((2, 3)), np.eye(3)]
    again = vectors.split(vectors.joined(by_text), by_text)
    for one, other in zip(again, by_text, strict=True):
        np.testing.assert_array_equal(one, other)


def test_padding_is_left_out_of_means_over_word_pieces():
    mask = tf.constant([[True, True, False]])
    of_words = WordVectors(0.0).mean_weights(tf.ones((1, 3)), mask)
    of_texts = TextVectors().mean_weights(tf.ones((1, 4)), mask)
    assert of_words.numpy().tolist() == [[1, 1, 0]]
    assert of_texts.numpy().tolist() == [[1, 1, 1, 1]]


def test_a_row_differs_where_anything_in_it_does():
    before = np.array([[1, 2], [3, 4]])
    assert unlike(before, np.array([[1, 2], [3, 5]])).tolist() == [False, True]
    assert unlike(before[:, 0], before[:, 1]).tolist() == [True, True]
    assert unlike(before[:0, 0], before[:0, 1]).shape == (0,)


def test_words_begin_at_characters():
    chunk = {
        "text": tf.constant(["é 漢字 b", "x"]),
        "word_starts": tf.ragged.constant([[0, 3, 10], [0]]),
    }
    assert WordVectors(0.0).word_starts(chunk) == [[0, 2, 5], [0]]
    assert TextVectors().word_starts(chunk) == [[], []]
