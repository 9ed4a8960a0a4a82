"""Raw strings → word pieces, inside the TensorFlow graph: BERT's."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_text as tf_text

from mtl_keras.encoders.tokenizers.tokenizer import (
    TokenizedText,
    Tokenizer,
    enclosed,
    is_punctuation,
    row_ids,
)
from mtl_keras.errors import InputError

UNKNOWN, FIRST, LAST = "[UNK]", "[CLS]", "[SEP]"


@keras.saving.register_keras_serializable("mtl_keras")
class WordpieceTokenizer(Tokenizer):
    """BERT's word pieces, with byte offsets, in two operations of tensorflow-text.

    The ids are those of TF Hub's `bert_en_uncased_preprocess`, but for sixteen characters: the
    blanks U+1680, U+2028 and U+2029 separate words, and thirteen signs of scripts newer than
    Unicode 14 are letters.

    They are those of Hugging Face's tokenizers, but for characters with a compatibility form,
    which is written out ("…" becomes ". . .", "½" "1⁄2", "²" "2", "ﬁ" "fi", "ß" "ss"); control
    and private characters, which separate words or are unknown instead of being dropped; marks
    and signs newer than Unicode 3.2, of which the two know different ones. A "[SEP]" in the text
    is plain text, and a word of more than 100 bytes (not characters) is `[UNK]`.

    Args:
        vocabulary: the word pieces, in the order of their ids. Holds `[UNK]`, `[CLS]`, `[SEP]`.
        lowercase: whether letters are lower-cased and lose their accents.
        max_length: longest result in word pieces, `[CLS]` and `[SEP]` included. Longer texts
            lose their end.

    Raises:
        InputError: a vocabulary with a piece twice or without a special one, or a `max_length`
            below 3.

    Example:

    >>> vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "na", "##ive", "!"]
    >>> tokenizer = WordpieceTokenizer(vocabulary, lowercase=True)
    >>> tokenized = tokenizer(tf.constant(["Naïve!", ""]))
    >>> tokenized.token_ids.to_list()
    [[2, 4, 5, 6, 3], [2, 3]]
    >>> tokenized.limits.to_list()
    [[0, 2, 6, 7, 7], [0, 0]]
    """

    def __init__(self, vocabulary: Sequence[str], *, lowercase: bool, max_length: int = 128):
        self.vocabulary = list(vocabulary)
        self.lowercase = bool(lowercase)
        self.max_length = max_length
        _check(self.vocabulary, max_length)
        with tf.device("CPU"):
            self._normalizer = tf_text.FastBertNormalizer(self.lowercase)
            self._splitter = tf_text.FastWordpieceTokenizer(
                self.vocabulary, token_out_type=tf.int32, unknown_token=UNKNOWN
            )
            self._is_punctuation = tf.constant([is_punctuation(v) for v in self.vocabulary])

    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        normalized, origins = self._normalizer.normalize_with_offsets(texts)  # (n,), (n, bytes)
        token_ids, starts, limits = self._splitter.tokenize_with_offsets(normalized)
        pieces = TokenizedText(
            token_ids,
            _at(origins, starts),
            _at(origins, limits),
            token_ids.with_values(tf.ones_like(token_ids.values, tf.bool)),
        )
        first, last = self.vocabulary.index(FIRST), self.vocabulary.index(LAST)
        return enclosed(pieces, first, last, self.max_length)

    def get_config(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "lowercase": self.lowercase,
            "max_length": self.max_length,
        }


def _check(vocabulary: list[str], max_length: int) -> None:
    for token in (UNKNOWN, FIRST, LAST):
        if token not in vocabulary:
            raise InputError(
                f"the vocabulary ({len(vocabulary)} word pieces) lacks {token}; add it"
            )
    if len(set(vocabulary)) < len(vocabulary):
        twice = next(v for i, v in enumerate(vocabulary) if v in vocabulary[:i])
        raise InputError(f"the vocabulary holds {twice!r} twice; every word piece needs one id")
    if not isinstance(max_length, int) or max_length < 3:
        raise InputError(
            f"max_length is a whole number of word pieces, at least 3. Received: {max_length!r}"
        )


def _at(origins: tf.RaggedTensor, offsets: tf.RaggedTensor) -> tf.RaggedTensor:
    """Offsets into normalized texts → offsets into the texts they came from."""
    base = tf.gather(origins.row_starts(), row_ids(offsets))  # (pieces,)
    places = tf.gather(origins.values, base + tf.cast(offsets.values, base.dtype))
    return offsets.with_values(tf.cast(places, tf.int32))
