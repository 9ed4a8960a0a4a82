"""Arranges values of texts and words as rows, in a TensorFlow graph."""

import tensorflow as tf

from mtl_keras.encoders.tokenizers.tokenizer import row_ids


def word_scores(scores: tf.Tensor, first_piece: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the scores `(words, classes)` of all words, and each word's text, `(words,)`.

    Args:
        scores: of word pieces, `(batch, length, classes)`.
        first_piece: of each word, ragged `(batch, words)`.
    """
    length = tf.cast(tf.shape(scores)[1], tf.int64)
    texts = row_ids(first_piece)
    places = texts * length + tf.cast(first_piece.values, tf.int64)
    return tf.gather(tf.reshape(scores, (-1, scores.shape[-1])), places), texts


def rows_by_text(values: tf.Tensor, texts: tf.Tensor, scores: tf.Tensor) -> tf.RaggedTensor:
    """Returns values `(values,)`, in the order of their texts, as a ragged row per text."""
    count = tf.shape(scores, out_type=tf.int64)[0]
    return tf.RaggedTensor.from_value_rowids(values, texts, nrows=count, validate=False)


def padded_columns(columns: dict[str, tf.RaggedTensor]) -> dict[str, tf.Tensor]:
    """Pads ragged columns of equal row lengths to the longest row, and adds `count (batch,)`."""
    lengths = next(iter(columns.values())).row_lengths()
    dense = {name: values.to_tensor() for name, values in columns.items()}
    return dense | {"count": tf.cast(lengths, tf.int32)}
