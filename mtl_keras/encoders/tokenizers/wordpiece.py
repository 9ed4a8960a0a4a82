"""Tokenizes into word pieces inside the TensorFlow graph, like BERT."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.core.pybinds import (
    pywrap_fast_wordpiece_tokenizer_model_builder as builder,
)

from mtl_keras.encoders.tokenizers.fast_models import max_bytes_place
from mtl_keras.encoders.tokenizers.normalization import (
    FastNormalization,
    Normalization,
    splitter_model,
)
from mtl_keras.encoders.tokenizers.tokenizer import (
    TokenizedText,
    Tokenizer,
    enclosed,
    is_punctuation,
    row_ids,
)
from mtl_keras.errors import InputError, shown

UNKNOWN, FIRST, LAST = "[UNK]", "[CLS]", "[SEP]"
LONGEST_PIECE = 256  # bytes, of tensorflow-text's tokenizer
CONTINUES = "##"  # prefix of a piece that continues a word


@keras.saving.register_keras_serializable("mtl_keras")
class WordpieceTokenizer(Tokenizer):
    """BERT's word pieces with byte offsets, in two operations of tensorflow-text.

    The ids equal those of the source of the normalization: Hugging Face's tokenizers
    (`BertNormalization`) or TF Hub's `bert_en_uncased_preprocess` (`TfHubNormalization`). A "[SEP]"
    in a text is plain text. Invalid UTF-8 is read as an unknown character.

    Args:
        vocabulary: the word pieces, in the order of their ids. Must contain `[UNK]`, `[CLS]` and
            `[SEP]`.
        lowercase: whether letters are lower-cased and lose their accents.
        max_length: longest result in word pieces, `[CLS]` and `[SEP]` included. Longer texts are
            truncated.
        normalization: of the texts before splitting; None means that of 0.1.0.

    Raises:
        InputError: the vocabulary has a piece twice or lacks a special one, or `max_length` is
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

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        lowercase: bool,
        max_length: int = 128,
        normalization: Normalization | None = None,
    ):
        self.vocabulary = list(vocabulary)
        self.lowercase = bool(lowercase)
        self.max_length = max_length
        self.normalization = normalization or FastNormalization()
        _check(self.vocabulary, max_length)
        model = splitter_model(self.normalization.characters(self.lowercase), self.vocabulary)
        with tf.device("CPU"):
            normalizer = tf.constant(np.frombuffer(model.normalizer, np.uint8))
            self._normalizer = tf_text.FastBertNormalizer(model_buffer=normalizer)
            self._splitter_model, self._max_bytes_place = _splitter(
                model.vocabulary, self.normalization.max_bytes
            )
            self._is_punctuation = tf.constant([is_punctuation(v) for v in self.vocabulary])
            self._continues = tf.constant([v.startswith(CONTINUES) for v in self.vocabulary])
            lengths = [len(piece.removeprefix(CONTINUES)) for piece in self.vocabulary]
            self._lengths = tf.constant(lengths)

    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        normalized, origins = self._normalizer.normalize_with_offsets(texts)  # (n,), (n, bytes)
        token_ids, starts, limits = self._split(normalized)
        pieces = TokenizedText(
            token_ids,
            _at(origins, starts),
            _at(origins, limits),
            token_ids.with_values(tf.ones_like(token_ids.values, tf.bool)),
        )
        first, last = self.vocabulary.index(FIRST), self.vocabulary.index(LAST)
        return enclosed(pieces, first, last, self.max_length)

    def _split(self, normalized: tf.Tensor) -> Sequence[tf.RaggedTensor]:
        """Ids, starts and limits of the pieces of normalized texts: `(n, pieces)` each."""
        columns = _splitter_of(self._splitter_model).tokenize_with_offsets(normalized)
        most = self.normalization.max_characters
        if most is None:
            return columns
        # A word with too many bytes, which is unknown so far, may have fewer characters.
        longest = tf.reduce_max(columns[2].values - columns[1].values)
        return tf.cond(longest > most, lambda: self._split_long(normalized), lambda: columns)

    def _split_long(self, normalized: tf.Tensor) -> Sequence[tf.RaggedTensor]:
        """Like `_split`, but a word is unknown if it has more than `max_characters`."""
        places = self._max_bytes_place + tf.range(4)[:, tf.newaxis]
        most = tf.bitcast([4 * self.normalization.max_bytes], tf.uint8)[0]
        model = tf.tensor_scatter_nd_update(self._splitter_model, places, most)
        token_ids, starts, limits = _splitter_of(model).tokenize_with_offsets(normalized)
        continues = tf.gather(self._continues, token_ids.values)  # (pieces,)
        word = tf.cumsum(tf.cast(~continues, tf.int32)) - 1
        lengths = tf.math.segment_sum(tf.gather(self._lengths, token_ids.values), word)  # (words,)
        is_long = tf.gather(lengths > self.normalization.max_characters, word)
        ids = tf.where(is_long, self.vocabulary.index(UNKNOWN), token_ids.values)
        ends = tf.gather(tf.math.segment_max(limits.values, word), word)
        kept = token_ids.with_values(~(is_long & continues))
        return tuple(
            tf.ragged.boolean_mask(column, kept)
            for column in (
                token_ids.with_values(ids),
                starts,
                limits.with_values(tf.where(is_long, ends, limits.values)),
            )
        )

    def as_in_0_1_0(self) -> Self:
        """The same tokenizer with the normalization that 0.1.0 used for every source."""
        return self.from_config(self.get_config() | {"normalization": None})

    def get_config(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "lowercase": self.lowercase,
            "max_length": self.max_length,
            "normalization": keras.saving.serialize_keras_object(self.normalization),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The tokenizer that `get_config` described, from this version or 0.1.0."""
        normalization = config.get("normalization")
        if isinstance(normalization, dict):
            normalization = keras.saving.deserialize_keras_object(normalization)
        return cls(**config | {"normalization": normalization})


def _check(vocabulary: list[str], max_length: int) -> None:
    for token in (UNKNOWN, FIRST, LAST):
        if token not in vocabulary:
            raise InputError(
                f"the vocabulary ({len(vocabulary)} word pieces) lacks {token}; add it"
            )
    if len(set(vocabulary)) < len(vocabulary):
        twice = next(v for i, v in enumerate(vocabulary) if v in vocabulary[:i])
        raise InputError(f"the vocabulary holds {twice!r} twice; every word piece needs one id")
    for number, piece in enumerate(vocabulary, 1):
        if "\0" in piece or len(piece.encode("utf-8", "surrogatepass")) > LONGEST_PIECE:
            raise InputError(
                f"word piece {number} of the vocabulary ({shown(piece)}) is invalid: a piece has "
                f"at most {LONGEST_PIECE} bytes, and no character 0; remove it"
            )
    if not isinstance(max_length, int) or max_length < 3:
        raise InputError(
            f"max_length must be a whole number of word pieces, at least 3. Received: "
            f"{max_length!r}"
        )


def _splitter(vocabulary: list[str], max_bytes: int) -> tuple[tf.Tensor, int]:
    """The model of a `FastWordpieceTokenizer`, and the offset of `max_bytes` in it."""
    model = builder.build_fast_wordpiece_model(
        vocabulary, max_bytes, CONTINUES, UNKNOWN, False, False
    )
    return tf.constant(np.frombuffer(model, np.uint8)), max_bytes_place(model)


def _splitter_of(model: tf.Tensor) -> tf_text.FastWordpieceTokenizer:
    return tf_text.FastWordpieceTokenizer(model_buffer=model, token_out_type=tf.int32)


def _at(origins: tf.RaggedTensor, offsets: tf.RaggedTensor) -> tf.RaggedTensor:
    """Offsets in normalized texts → offsets in the original texts."""
    base = tf.gather(origins.row_starts(), row_ids(offsets))  # (pieces,)
    places = tf.gather(origins.values, base + tf.cast(offsets.values, base.dtype))
    return offsets.with_values(tf.cast(places, tf.int32))
