"""How much of a text the encoder reads."""

import tensorflow as tf

from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer

WHOLE_STRING = 2**31 - 1  # bytes, more than a string holds


def reading(tokenizer: Tokenizer, texts: tf.Tensor) -> dict[str, tf.Tensor]:
    """What is read of strings `(batch,)`, in operations that a SavedModel holds.

    Returns:
        `pieces (batch,)`, int32: the word pieces read, special ones included;
        `limit (batch,)`, int32: the byte offset at which the last of them ends;
        `whole (batch,)`, bool: whether no word piece comes after it.

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
    rest = tokenizer(tf.strings.substr(texts, limit, tf.fill(tf.shape(limit), WHOLE_STRING)))
    whole = (pieces < tokenizer.max_length) | ~tf.reduce_any(rest.is_text, axis=1)
    return {"pieces": pieces, "limit": limit, "whole": whole}
