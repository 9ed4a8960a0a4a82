"""Values of texts and words as rows, in the graph."""

import tensorflow as tf

from mtl_keras.models.kinds.graph_rows import padded_columns, rows_by_text, word_scores


def test_words_have_the_scores_of_their_first_piece():
    scores = tf.reshape(tf.range(12.0), (2, 3, 2))
    of_words, texts = word_scores(scores, tf.ragged.constant([[1], [0, 2]]))
    assert of_words.numpy().tolist() == [[2, 3], [6, 7], [10, 11]]
    assert texts.numpy().tolist() == [0, 1, 1]


def test_columns_are_padded_and_counted():
    scores = tf.zeros((3, 4))
    values = rows_by_text(tf.constant([5, 6, 7]), tf.constant([0, 0, 2], tf.int64), scores)
    actual = padded_columns({"starts": values})
    assert actual["starts"].numpy().tolist() == [[5, 6], [0, 0], [7, 0]]
    assert actual["count"].numpy().tolist() == [2, 0, 1]
