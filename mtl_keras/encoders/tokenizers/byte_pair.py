"""Tokenizes into byte pairs inside the TensorFlow graph, like GPT-2 and RoBERTa.

Radford et al., 2019, "Language models are unsupervised multitask learners"; pairs are merged as in
Sennrich et al., 2016, "Neural machine translation of rare words with subword units".
"""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.encoders.tokenizers.pre_tokenization import LONGEST_WORD, pre_tokenize
from mtl_keras.encoders.tokenizers.tokenizer import (
    TokenizedText,
    Tokenizer,
    enclosed,
    is_punctuation,
    row_ids,
)
from mtl_keras.errors import InputError

END_OF_TEXT = "<|endoftext|>"
NEVER = np.iinfo(np.int32).max  # the rank of two pieces that are not merged


@keras.saving.register_keras_serializable("mtl_keras")
class BytePairTokenizer(Tokenizer):
    """GPT-2's byte pairs with byte offsets, in core operations and one of tensorflow-text.

    The ids equal those of Hugging Face's tokenizers (`newer_letters`) or KerasHub's, except that
    words of more than 2,048 bytes are split there. In the vocabulary, a piece includes the blank
    before its word; its offsets do not. Invalid UTF-8 is read byte by byte, "<|endoftext|>" or
    "<s>" in a text is plain text, and an empty text becomes `<|endoftext|>`, or just `around`.

    Args:
        vocabulary: the pieces, in the order of their ids, in GPT-2's alphabet for bytes. Must
            contain all 256 bytes, and `<|endoftext|>` or `around`.
        merges: pairs of pieces, separated by a blank, in the order of merging.
        max_length: longest result in pieces, `around` included. Longer texts are truncated.
        around: the pieces before and after each text, such as RoBERTa's `("<s>", "</s>")`.
        newer_letters: whether letters and numbers newer than RE2's Unicode count as letters and
            numbers, as in Hugging Face's tokenizers, or as signs, as in KerasHub's and in 0.1.0.

    Raises:
        InputError: the vocabulary lacks a byte, `<|endoftext|>`, `around` or the result of a merge,
            or has a piece twice; or `max_length` has no room for a piece.

    Example:

    >>> vocabulary = [*byte_alphabet().values(), "ca", "Ġca", "Ġcat", "<|endoftext|>"]
    >>> tokenizer = BytePairTokenizer(vocabulary, ["c a", "Ġ ca", "Ġca t"])
    >>> tokenized = tokenizer(tf.constant(["cat cat", ""]))
    >>> [[vocabulary[piece] for piece in row] for row in tokenized.token_ids.to_list()]
    [['ca', 't', 'Ġcat'], ['<|endoftext|>']]
    >>> tokenized.starts.to_list(), tokenized.limits.to_list()
    ([[0, 2, 4], [0]], [[2, 3, 7], [0]])
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        merges: Sequence[str],
        *,
        max_length: int = 128,
        around: Sequence[str] = (),
        newer_letters: bool = False,
    ):
        self.vocabulary = list(vocabulary)
        self.merges = list(merges)
        self.max_length = max_length
        self.around = list(around)
        self.newer_letters = newer_letters
        ids = _checked_ids(self.vocabulary, max_length, self.around)
        alphabet = byte_alphabet()
        in_bytes = [_in_bytes(piece, alphabet) for piece in self.vocabulary]
        self._special = [ids[piece] for piece in self.around or [END_OF_TEXT]]
        stripped = [b"" if i in self._special else x.strip() for i, x in enumerate(in_bytes)]
        blanks = [piece.startswith(b" ") and len(piece) > 1 for piece in in_bytes]
        longest = max(map(len, in_bytes))
        with tf.device("CPU"):
            self._of_byte = tf.constant([ids[character] for character in alphabet.values()])
            self._pairs, self._rank, self._merged = map(tf.constant, _merge_table(ids, self.merges))
            self._blank_before = tf.constant(blanks, tf.int32)
            self._is_text = tf.constant([bool(piece) for piece in stripped])
            self._is_punctuation = tf.constant([_is_punctuation(piece) for piece in stripped])
        self._most_bytes = max_length * longest + LONGEST_WORD

    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        read = tf.strings.substr(texts, 0, self._most_bytes)
        words = pre_tokenize(read, newer=self.newer_letters)
        distinct, index = tf.unique(words.strings)
        pieces = tf.gather(self._merge(distinct), index)  # (words, pieces, [id, start, limit])
        of_word = row_ids(pieces)  # (all pieces,)
        token_ids, starts, limits = tf.unstack(pieces.values, axis=1)
        starts, limits = (side + tf.gather(words.starts, of_word) for side in (starts, limits))
        starts += tf.gather(self._blank_before, token_ids)
        whole = tf.RaggedTensor.from_value_rowids(
            tf.stack([token_ids, starts, limits], axis=1),
            tf.gather(words.rows, of_word),
            nrows=tf.size(texts, out_type=tf.int64),
            validate=False,
        )  # (n, pieces, [id, start, limit])
        if self.around:
            first, last = self._special
            return enclosed(self._columns(whole), first, last, self.max_length)
        return self._columns(_fill_empty(whole[:, : self.max_length], [*self._special, 0, 0]))

    def _columns(self, whole: tf.RaggedTensor) -> TokenizedText:
        token_ids, starts, limits = (
            whole.with_values(column) for column in tf.unstack(whole.values, axis=1)
        )
        is_text = token_ids.with_values(tf.gather(self._is_text, token_ids.values))
        return TokenizedText(token_ids, starts, limits, is_text)

    def _merge(self, words: tf.Tensor) -> tf.RaggedTensor:
        """The pieces of words `(n,)`: `(n, pieces, 3)`, int32: id, start and limit in the word."""
        lengths = tf.strings.length(words)
        rows = tf.repeat(tf.range(tf.size(words)), lengths)  # (bytes,)
        codes = tf.io.decode_raw(tf.strings.reduce_join(words), tf.uint8)
        ids = tf.gather(self._of_byte, tf.cast(codes, tf.int32))  # (bytes,)
        count, free = tf.size(words), tf.TensorShape([None])
        ids, starts, rows, _ = tf.while_loop(
            lambda *state: state[-1],
            lambda ids, starts, rows, _: self._merge_once(ids, starts, rows, count),
            (ids, tf.range(tf.size(ids)), rows, tf.constant(True)),
            shape_invariants=(free, free, free, tf.TensorShape([])),
        )
        limits = tf.concat([starts[1:], [tf.size(codes)]], axis=0)
        begins = tf.gather(tf.cumsum(lengths, exclusive=True), rows)
        columns = tf.stack([ids, starts - begins, limits - begins], axis=1)  # (pieces, 3)
        return tf.RaggedTensor.from_value_rowids(columns, rows, nrows=count, validate=False)

    def _merge_once(
        self, ids: tf.Tensor, starts: tf.Tensor, rows: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """In each word, merges all occurrences of the pair that comes first in the list of merges.

        Args:
            ids: of the pieces of all words, `(pieces,)`.
            starts: of each piece among all bytes.
            rows: the index of each piece's word.
            count: the number of words.

        Returns:
            Ids, starts and rows after merging, and whether there was a pair to merge.
        """
        rank, merged = self._look_up(ids, rows)
        best = tf.gather(tf.math.unsorted_segment_min(rank, rows, count), rows)
        chosen = _every_second((rank < NEVER) & (rank == best))
        kept = ~tf.concat([[False], chosen], axis=0)[:-1]
        ids = tf.where(chosen, merged, ids)
        ids, starts, rows = (tf.boolean_mask(column, kept) for column in (ids, starts, rows))
        return ids, starts, rows, tf.reduce_any(chosen)

    def _look_up(self, ids: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For each piece with the next one: the rank of their merge, and the merged piece."""
        following = tf.concat([ids[1:], ids[:1]], axis=0)
        same_word = tf.concat([rows[1:] == rows[:-1], [False]], axis=0)[: tf.size(rows)]
        pairs = _pair(tf.cast(ids, tf.int64), tf.cast(following, tf.int64))
        place = tf.minimum(tf.searchsorted(self._pairs, pairs), tf.size(self._pairs) - 1)
        is_merge = same_word & (tf.gather(self._pairs, place) == pairs)
        return tf.where(is_merge, tf.gather(self._rank, place), NEVER), tf.gather(
            self._merged, place
        )

    def as_in_0_1_0(self) -> Self:
        """The same tokenizer without the letters that RE2 lacks."""
        return self.from_config(self.get_config() | {"newer_letters": False})

    def get_config(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "merges": self.merges,
            "max_length": self.max_length,
            "around": self.around,
            "newer_letters": self.newer_letters,
        }


def byte_alphabet() -> dict[int, str]:
    """Byte → the character that represents it in a vocabulary: itself if it is visible.

    Example:

    >>> byte_alphabet()[ord("a")], byte_alphabet()[ord(" ")]
    ('a', 'Ġ')
    """
    seen = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), 0xAD), *range(ord("®"), 256)}
    hidden = iter(range(256, 512))
    return {byte: chr(byte if byte in seen else next(hidden)) for byte in range(256)}


def _checked_ids(vocabulary: list[str], max_length: int, around: list[str]) -> dict[str, int]:
    ids = {piece: index for index, piece in enumerate(vocabulary)}
    if len(ids) < len(vocabulary):
        twice = next(piece for index, piece in enumerate(vocabulary) if ids[piece] != index)
        raise InputError(f"the vocabulary holds {twice!r} twice; every piece needs one id")
    special = around or [END_OF_TEXT]
    missing = [piece for piece in (*byte_alphabet().values(), *special) if piece not in ids]
    if missing:
        raise InputError(
            f"the vocabulary ({len(vocabulary)} pieces) lacks {missing[0]!r}; byte pairs need all "
            f"256 bytes and {' and '.join(special)}"
        )
    least = len(around) + 1
    if not isinstance(max_length, int) or max_length < least:
        raise InputError(
            f"max_length must be a whole number of pieces, at least {least}. Received: "
            f"{max_length!r}"
        )
    return ids


def _in_bytes(piece: str, alphabet: dict[int, str]) -> bytes:
    """The bytes of a piece; its UTF-8 if it has characters outside of the alphabet."""
    of_character = {character: byte for byte, character in alphabet.items()}
    if all(character in of_character for character in piece):
        return bytes(of_character[character] for character in piece)
    return piece.encode()


def _is_punctuation(piece: bytes) -> bool:
    signs = piece.decode("utf-8", "replace")
    return bool(signs) and all(map(is_punctuation, signs))


def _merge_table(ids: dict[str, int], merges: list[str]) -> Iterator[np.ndarray]:
    """Pairs as ascending numbers, the rank of each, and the piece that each becomes."""
    table: dict[int, tuple[int, int]] = {}
    for rank, merge in enumerate(merges):
        left, _, right = merge.partition(" ")
        for piece in (left, right, left + right):
            if piece not in ids:
                raise InputError(f"merge {rank} ({merge!r}) needs {piece!r}, which has no id")
        table.setdefault(_pair(ids[left], ids[right]), (rank, ids[left + right]))
    table = table or {-1: (int(NEVER), 0)}
    pairs = np.array(sorted(table), np.int64)
    rank, merged = np.array([table[pair] for pair in sorted(table)], np.int32).T
    return iter((pairs, rank, merged))


def _pair(left: int | tf.Tensor, right: int | tf.Tensor) -> int | tf.Tensor:
    """One number for two ids."""
    return left * 2**32 + right


def _every_second(chosen: tf.Tensor) -> tf.Tensor:
    """Keeps the first, third, … of each run of true values."""
    before = tf.concat([[False], chosen], axis=0)[:-1]
    begins = chosen & ~before
    first = tf.gather(
        tf.concat([[0], tf.where(begins)[:, 0]], axis=0), tf.cumsum(tf.cast(begins, tf.int32))
    )
    return chosen & ((tf.range(tf.size(chosen), dtype=tf.int64) - first) % 2 == 0)


def _fill_empty(ragged: tf.RaggedTensor, value: list[int]) -> tf.RaggedTensor:
    """Puts this value into each empty row."""
    empty = tf.cast(ragged.row_lengths() == 0, tf.int64)
    splits = ragged.row_splits + tf.concat([[0], tf.cumsum(empty)], axis=0)
    before = tf.gather(tf.cumsum(empty), row_ids(ragged))
    inner = tf.range(tf.size(before, out_type=tf.int64)) + before
    added = tf.boolean_mask(splits[:-1], empty > 0)
    values = tf.tile(tf.stack(value)[tf.newaxis], [tf.size(added), 1])
    both = [tf.cast(inner, tf.int32), tf.cast(added, tf.int32)]
    whole = tf.dynamic_stitch(both, [ragged.values, values])
    return tf.RaggedTensor.from_row_splits(whole, splits, validate=False)
