"""Raw strings → byte pairs, inside the TensorFlow graph: GPT-2's and RoBERTa's.

Radford et al., 2019, "Language models are unsupervised multitask learners"; the merging of pairs is
that of Sennrich et al., 2016, "Neural machine translation of rare words with subword units".
"""

from collections.abc import Iterator, Sequence

import keras
import numpy as np
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

END_OF_TEXT = "<|endoftext|>"
LONGEST_WORD = 2048  # bytes; a longer one is cut
# Unicode's white space; RE2's own class holds that of ASCII.
BLANKS = r"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
BLANK_RUN = f"[{BLANKS}]+"
WORD = (
    r"'s|'t|'re|'ve|'m|'ll|'d"
    rf"| ?\p{{L}}+| ?\p{{N}}+| ?[^{BLANKS}\p{{L}}\p{{N}}]+|[{BLANKS}]+"
)
NEVER = np.iinfo(np.int32).max  # the rank of two pieces that are not merged


@keras.saving.register_keras_serializable("mtl_keras")
class BytePairTokenizer(Tokenizer):
    """GPT-2's byte pairs, with byte offsets, in core operations and one of tensorflow-text.

    The ids are those of Hugging Face's tokenizers, but for letters and numbers newer than RE2's
    Unicode, and words of more than 2,048 bytes, which are cut there. A piece covers the blank
    before its word in the vocabulary, but not in its offsets. What is no UTF-8 is read byte by
    byte, "<|endoftext|>" or "<s>" in a text is plain text, and an empty text is one
    `<|endoftext|>`, or what stands around every text.

    Args:
        vocabulary: the pieces, in the order of their ids, in GPT-2's alphabet for bytes. Holds
            all 256 bytes, and `<|endoftext|>` or `around`.
        merges: pairs of pieces, separated by a blank, the first merged first.
        max_length: longest result in pieces, `around` included. Longer texts lose their end.
        around: the pieces before and after each text, such as RoBERTa's `("<s>", "</s>")`.

    Raises:
        InputError: a vocabulary without a byte, `<|endoftext|>` or `around`, with a piece twice or
            without what a merge makes, or a `max_length` without room for a piece.

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
    ):
        self.vocabulary = list(vocabulary)
        self.merges = list(merges)
        self.max_length = max_length
        self.around = list(around)
        ids = _checked_ids(self.vocabulary, max_length, self.around)
        alphabet = byte_alphabet()
        in_bytes = [_in_bytes(piece, alphabet) for piece in self.vocabulary]
        self._special = [ids[piece] for piece in self.around or [END_OF_TEXT]]
        stripped = [b"" if i in self._special else x.strip() for i, x in enumerate(in_bytes)]
        blanks = [each.startswith(b" ") and len(each) > 1 for each in in_bytes]
        longest = max(map(len, in_bytes))
        with tf.device("CPU"):
            self._of_byte = tf.constant([ids[each] for each in alphabet.values()])
            self._pairs, self._rank, self._merged = map(tf.constant, _merge_table(ids, self.merges))
            self._blank_before = tf.constant(blanks, tf.int32)
            self._is_text = tf.constant([bool(each) for each in stripped])
            self._is_punctuation = tf.constant([_is_punctuation(each) for each in stripped])
        self._most_bytes = max_length * longest + LONGEST_WORD

    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        read = tf.strings.substr(texts, 0, self._most_bytes)
        words, rows, places = _split_words(read)
        distinct, index = tf.unique(words)
        pieces = tf.gather(self._merge(distinct), index)  # (words, pieces, [id, start, limit])
        of_word = row_ids(pieces)
        token_ids, starts, limits = tf.unstack(pieces.values, axis=1)
        starts, limits = (side + tf.gather(places, of_word) for side in (starts, limits))
        starts += tf.gather(self._blank_before, token_ids)
        whole = tf.RaggedTensor.from_value_rowids(
            tf.stack([token_ids, starts, limits], axis=1),
            tf.gather(rows, of_word),
            nrows=tf.size(texts, out_type=tf.int64),
            validate=False,
        )
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
        """The pieces of words `(n,)`: `(n, pieces, 3)`, int32: ids, and places in the word."""
        lengths = tf.strings.length(words)
        rows = tf.repeat(tf.range(tf.size(words)), lengths)
        codes = tf.io.decode_raw(tf.strings.reduce_join(words), tf.uint8)
        ids = tf.gather(self._of_byte, tf.cast(codes, tf.int32))
        count, free = tf.size(words), tf.TensorShape([None])
        ids, starts, rows, _ = tf.while_loop(
            lambda *state: state[-1],
            lambda ids, starts, rows, _: self._merge_once(ids, starts, rows, count),
            (ids, tf.range(tf.size(ids)), rows, tf.constant(True)),
            shape_invariants=(free, free, free, tf.TensorShape([])),
        )
        limits = tf.concat([starts[1:], [tf.size(codes)]], axis=0)
        begins = tf.gather(tf.cumsum(lengths, exclusive=True), rows)
        columns = tf.stack([ids, starts - begins, limits - begins], axis=1)
        return tf.RaggedTensor.from_value_rowids(columns, rows, nrows=count, validate=False)

    def _merge_once(self, ids, starts, rows, count):
        """In each word, merges the pair that comes first in the list, wherever it stands."""
        rank, merged = self._look_up(ids, rows)
        best = tf.gather(tf.math.unsorted_segment_min(rank, rows, count), rows)
        chosen = _every_second((rank < NEVER) & (rank == best))
        kept = ~tf.concat([[False], chosen], axis=0)[:-1]
        ids = tf.where(chosen, merged, ids)
        ids, starts, rows = (tf.boolean_mask(each, kept) for each in (ids, starts, rows))
        return ids, starts, rows, tf.reduce_any(chosen)

    def _look_up(self, ids: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of each piece with the next one: the merge's rank and what it makes."""
        following = tf.concat([ids[1:], ids[:1]], axis=0)
        same_word = tf.concat([rows[1:] == rows[:-1], [False]], axis=0)[: tf.size(rows)]
        pairs = _pair(tf.cast(ids, tf.int64), tf.cast(following, tf.int64))
        place = tf.minimum(tf.searchsorted(self._pairs, pairs), tf.size(self._pairs) - 1)
        found = same_word & (tf.gather(self._pairs, place) == pairs)
        return tf.where(found, tf.gather(self._rank, place), NEVER), tf.gather(self._merged, place)

    def get_config(self) -> dict:
        return {
            "vocabulary": self.vocabulary,
            "merges": self.merges,
            "max_length": self.max_length,
            "around": self.around,
        }


def byte_alphabet() -> dict[int, str]:
    """Byte → the character that stands for it in a vocabulary: itself where it can be seen.

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
            f"max_length is a whole number of pieces, at least {least}. Received: {max_length!r}"
        )
    return ids


def _in_bytes(piece: str, alphabet: dict[int, str]) -> bytes:
    """The bytes of a piece; those of its characters where it is none of the alphabet's."""
    of_character = {character: byte for byte, character in alphabet.items()}
    if all(character in of_character for character in piece):
        return bytes(of_character[character] for character in piece)
    return piece.encode()


def _is_punctuation(piece: bytes) -> bool:
    signs = piece.decode("utf-8", "replace")
    return bool(signs) and all(map(is_punctuation, signs))


def _merge_table(ids: dict[str, int], merges: list[str]) -> Iterator[np.ndarray]:
    """Pairs as one ascending number each, the rank of each, and the piece that each becomes."""
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


def _pair(left, right):
    return left * 2**32 + right


def _split_words(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The words that are merged alone: `(words,)` strings, their texts and their places in them.

    As GPT-2 does: `'s`, …, or a run of letters, digits or signs, with one space before it, or
    white space, without its last character where something follows. The regular expressions stop
    at a zero byte, so they see another sign in its place.
    """
    runs, rows, starts = _runs(tf.strings.regex_replace(texts, r"\x00", "\x01"))
    words, inner, _ = _cut(runs, WORD)
    of_run = row_ids(words)
    rows, starts = tf.gather(rows, of_run), tf.gather(starts, of_run) + inner.values
    lengths = tf.strings.length(words.values)
    parts = (lengths + LONGEST_WORD - 1) // LONGEST_WORD
    of_word = tf.repeat(tf.range(tf.size(lengths)), parts)
    within = tf.range(tf.size(of_word)) - tf.gather(tf.cumsum(parts, exclusive=True), of_word)
    rows, starts, lengths = (tf.gather(each, of_word) for each in (rows, starts, lengths))
    offset = within * LONGEST_WORD
    starts, lengths = starts + offset, tf.minimum(lengths - offset, LONGEST_WORD)
    return tf.strings.substr(tf.gather(texts, rows), starts, lengths), rows, starts


def _runs(texts: tf.Tensor):
    """Runs of white space and of other characters, with the space before them where it is one."""
    runs, starts, limits = _cut(texts, BLANK_RUN)
    rows, (runs, starts, limits) = row_ids(runs), (x.values for x in (runs, starts, limits))
    blank = tf.strings.regex_full_match(runs, BLANK_RUN)
    followed = tf.concat([rows[1:] == rows[:-1], [False]], axis=0)[: tf.size(rows)] & blank
    ones = tf.ones_like(starts)
    last = tf.strings.substr(tf.where(followed, runs, " "), -ones, ones, unit="UTF8_CHAR")
    cut = tf.where(followed, limits - tf.strings.length(last), limits)
    gives = followed & (last == " ")
    takes = tf.concat([[False], gives], axis=0)[:-1]
    starts = tf.where(takes, starts - 1, starts)
    return _slices(texts, rows, starts, cut, tf.where(followed & ~gives, limits, cut))


def _slices(texts, rows, starts, middles, limits):
    """The strings from start to middle and from middle to limit, in order, without empty ones."""
    rows = tf.repeat(rows, 2)
    starts, limits = (
        tf.reshape(tf.stack(sides, axis=1), [-1])
        for sides in ((starts, middles), (middles, limits))
    )
    full = tf.where(limits > starts)[:, 0]
    rows, starts, limits = (tf.gather(each, full) for each in (rows, starts, limits))
    return tf.strings.substr(tf.gather(texts, rows), starts, limits - starts), rows, starts


def _cut(texts: tf.Tensor, pattern: str):
    """What matches and what is between, each with its place, int32: all ragged."""
    parts, starts, limits = tf_text.regex_split_with_offsets(texts, pattern, pattern)
    return parts, *(side.with_values(tf.cast(side.values, tf.int32)) for side in (starts, limits))


def _every_second(chosen: tf.Tensor) -> tf.Tensor:
    """Of each run of true values the first, the third, …"""
    before = tf.concat([[False], chosen], axis=0)[:-1]
    begins = chosen & ~before
    first = tf.gather(
        tf.concat([[0], tf.where(begins)[:, 0]], axis=0), tf.cumsum(tf.cast(begins, tf.int32))
    )
    return chosen & ((tf.range(tf.size(chosen), dtype=tf.int64) - first) % 2 == 0)


def _fill_empty(ragged: tf.RaggedTensor, value: list) -> tf.RaggedTensor:
    """Gives each row that is empty this one value."""
    empty = tf.cast(ragged.row_lengths() == 0, tf.int64)
    splits = ragged.row_splits + tf.concat([[0], tf.cumsum(empty)], axis=0)
    before = tf.gather(tf.cumsum(empty), row_ids(ragged))
    inner = tf.range(tf.size(before, out_type=tf.int64)) + before
    added = tf.boolean_mask(splits[:-1], empty > 0)
    values = tf.tile(tf.stack(value)[tf.newaxis], [tf.size(added), 1])
    both = [tf.cast(inner, tf.int32), tf.cast(added, tf.int32)]
    whole = tf.dynamic_stitch(both, [ragged.values, values])
    return tf.RaggedTensor.from_row_splits(whole, splits, validate=False)
