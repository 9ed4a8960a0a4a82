"""Tokenizes into sentence pieces inside the TensorFlow graph, like ALBERT, DeBERTa and XLM-R.

Kudo and Richardson, 2018, "SentencePiece: A simple and language independent subword tokenizer and
detokenizer for neural text processing".
"""

import base64
import binascii
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
    place_keys,
    row_ids,
)
from mtl_keras.errors import InputError

BLANK = "▁"  # stands for white space in a vocabulary
# Characters that SentencePiece's normalizers turn into a blank.
BLANKS = (
    r"[\x{1}-\x{20}\x{7f}-\x{a0}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}"
    r"\x{2581}\x{3000}\x{feff}]+"
)
UNKNOWN, REPLACED = "<unk>", 3  # of a prefix
NO_PIECE = "\uffff\ufffe"  # two noncharacters


@keras.saving.register_keras_serializable("mtl_keras")
class SentencePieceTokenizer(Tokenizer):
    """SentencePiece with byte offsets, in one operation of tensorflow-text.

    The ids equal those of the `sentencepiece` library. In the vocabulary, a piece includes the
    white space before its word; its offsets do not. If one character becomes several pieces ("½"
    may become "1", "⁄", "2"), the last piece covers it. The model's control symbols, such as
    `[CLS]` and `<s>`, are plain text in a text.

    Args:
        model: the model file's bytes, in base64.
        around: the pieces before and after each text, such as `("[CLS]", "[SEP]")`.
        prefix: the pieces that replace the model's first three (`<unk>`, `<s>`, `</s>`), as in
            XLM-R; empty keeps the model's own.
        max_length: longest result in pieces, `around` included. Longer texts are truncated.

    Raises:
        InputError: the bytes are not a model, the model lacks `around` or finds them in texts, or
            `max_length` is below 3.
    """

    def __init__(
        self,
        model: str,
        *,
        around: Sequence[str],
        prefix: Sequence[str] = (),
        max_length: int = 128,
    ):
        self.model, self.max_length = model, max_length
        self.around, self.prefix = list(around), list(prefix)
        with tf.device("CPU"):
            self._splitter, pieces, unknown = _opened(model)
            self.vocabulary = [*self.prefix, *pieces[REPLACED:]] if prefix else pieces
            self._first, self._last = _checked_ids(self.vocabulary, self.around, max_length)
            _check_control(self._splitter, self.around)
            ids = range(len(self.vocabulary) - len(pieces), len(self.vocabulary))
            self._token_ids = tf.constant([*ids])
            if prefix:
                self._token_ids = tf.tensor_scatter_nd_update(
                    self._token_ids, [[unknown]], [self.prefix.index(UNKNOWN)]
                )
            signs = [piece.removeprefix(BLANK) for piece in self.vocabulary]
            self._has_blank = tf.constant([piece.startswith(BLANK) for piece in self.vocabulary])
            self._has_text = tf.constant([bool(sign) for sign in signs])
            self._is_punctuation = tf.constant([_is_punctuation(sign) for sign in signs])
        self.resources = (self._splitter,)

    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        columns = self._splitter.tokenize_with_offsets(texts)
        ids, starts, limits = (_cut(column, self.max_length) for column in columns)  # (n, pieces)
        ids = ids.with_values(tf.gather(self._token_ids, ids.values))
        bare, blank = _after_blanks(texts, starts, limits), tf.gather(self._has_blank, ids.values)
        starts = starts.with_values(tf.where(blank, bare, starts.values))
        is_text = ids.with_values(tf.gather(self._has_text, ids.values))
        pieces = TokenizedText(ids, starts, limits, is_text)
        return enclosed(pieces, self._first, self._last, self.max_length)

    def get_config(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "around": self.around,
            "prefix": self.prefix,
            "max_length": self.max_length,
        }


def _opened(model: str) -> tuple[tf_text.SentencepieceTokenizer, list[str], int]:
    """A model's tokenizer, its pieces in the order of their ids, and the id of unknown ones."""
    try:
        splitter = tf_text.SentencepieceTokenizer(base64.b64decode(model, validate=True))
        pieces = splitter.id_to_string(tf.range(splitter.vocab_size())).numpy().tolist()
        unknown = int(splitter.string_to_id([NO_PIECE])[0])
    except (tf.errors.OpError, binascii.Error):
        raise InputError("the SentencePiece model cannot be read; fetch a fresh copy") from None
    return splitter, [piece.decode() for piece in pieces], unknown


def _checked_ids(vocabulary: list[str], around: list[str], max_length: int) -> list[int]:
    """The ids of the pieces around each text."""
    missing = [piece for piece in around if piece not in vocabulary]
    if missing:
        raise InputError(f"the vocabulary ({len(vocabulary)} pieces) lacks {missing[0]}; add it")
    if not isinstance(max_length, int) or max_length < 3:
        raise InputError(
            f"max_length must be a whole number of pieces, at least 3. Received: {max_length!r}"
        )
    return [vocabulary.index(piece) for piece in around]


def _check_control(splitter: tf_text.SentencepieceTokenizer, around: list[str]) -> None:
    """Raises `InputError` if the model finds these pieces in texts."""
    for piece in around:
        if piece.encode() in splitter.id_to_string(splitter.tokenize(piece)).numpy():
            raise InputError(
                f"the SentencePiece model finds {piece} in texts; supported are models in which "
                "it is a control symbol"
            )


def _cut(column: tf.RaggedTensor, length: int) -> tf.RaggedTensor:
    column = column[:, :length]
    return column.with_values(tf.cast(column.values, tf.int32))


def _after_blanks(texts: tf.Tensor, starts: tf.RaggedTensor, limits: tf.RaggedTensor) -> tf.Tensor:
    """The start of each piece without the white space before it: `(pieces,)`, int32.

    It is found among the words of the texts, because a separate string for each piece would copy a
    long text once per piece.
    """
    visible = tf.strings.regex_replace(texts, r"\x00", "!")  # a zero byte would end the text
    _, *sides = tf_text.regex_split_with_offsets(visible, BLANKS)
    words, ends = (tf.concat([[-1], place_keys(side), [tf.int64.max]], axis=0) for side in sides)
    keys, rows = place_keys(starts), row_ids(starts) * 2**32  # (pieces,)
    last = tf.searchsorted(words, keys, side="right") - 1  # the last word that begins before it
    following = tf.gather(words, tf.searchsorted(words, keys)) - rows
    after = tf.minimum(following, tf.cast(limits.values, tf.int64))
    return tf.where(tf.gather(ends, last) > keys, starts.values, tf.cast(after, tf.int32))


def _is_punctuation(signs: str) -> bool:
    return bool(signs) and all(map(is_punctuation, signs))
