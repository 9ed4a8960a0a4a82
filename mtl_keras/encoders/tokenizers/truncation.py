"""Measures how much of a text the encoder reads."""

import tensorflow as tf

from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText, Tokenizer

WHOLE_STRING = 2**31 - 1  # bytes, more than a string holds


def reading(tokenizer: Tokenizer, texts: tf.Tensor) -> dict[str, tf.Tensor]:
    """How much of strings `(batch,)` is read, in operations that a SavedModel can contain.

    Returns:
        `pieces (batch,)`, int32: the word pieces read, special ones included;
        `limit (batch,)`, int32: the byte offset at which the last of them ends;
        `whole (batch,)`, bool: whether no word piece follows it.

    Example:

    >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    >>> vocabulary = ["[UNK]", "[CLS]", "[SEP]", "a", "b"]
    >>> tokenizer = WordpieceTokenizer(vocabulary, lowercase=True, max_length=4)
    >>> read = reading(tokenizer, tf.constant(["a  b  ", "a  b  a"]))
    >>> {name: tensor.numpy().tolist() for name, tensor in read.items()}
    {'pieces': [4, 4], 'limit': [4, 4], 'whole': [True, False]}
    """
    tokenized = tokenizer(texts)
    pieces = tf.cast(tokenized.token_ids.row_lengths(), tf.int32)
    limit = tokenized.limits[:, -1:].values  # (batch,)
    return {"pieces": pieces, "limit": limit, "whole": is_whole(tokenizer, texts, tokenized)}


def is_whole(tokenizer: Tokenizer, texts: tf.Tensor, tokenized: TokenizedText) -> tf.Tensor:
    """Whether each string `(batch,)` is read completely: bool, `(batch,)`.

    For this, only the rests of texts with `max_length` pieces are tokenized.

    Args:
        tokenizer: of the texts.
        texts: strings.
        tokenized: their pieces.
    """
    is_full = tokenized.token_ids.row_lengths() >= tokenizer.max_length  # (batch,)

    def without_rest() -> tf.Tensor:
        rows = tf.where(is_full)[:, 0]  # (full texts,)
        limits = tf.gather(tokenized.limits[:, -1:].values, rows)
        ends = tf.fill(tf.shape(limits), WHOLE_STRING)
        rest = tokenizer(tf.strings.substr(tf.gather(texts, rows), limits, ends))
        ended = ~tf.reduce_any(rest.is_text, axis=1)
        return tf.tensor_scatter_nd_update(~is_full, rows[:, tf.newaxis], ended)

    return tf.cond(tf.reduce_any(is_full), without_rest, lambda: ~is_full)
