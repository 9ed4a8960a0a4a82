"""GPT-2's pre-tokenization: splits strings into words, within which byte pairs are merged.

Radford et al., 2019, "Language models are unsupervised multitask learners".
"""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

from mtl_keras.encoders.tokenizers.tokenizer import row_ids

LONGEST_WORD = 2048  # bytes; a longer word is split
# Unicode's white space; RE2's own class has only ASCII's.
BLANKS = r"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
BLANK_RUN = f"[{BLANKS}]+"
# Letters and numbers that Hugging Face's tokenizers know and RE2's older Unicode lacks.
NEWER_LETTERS = (
    r"\x{1c89}-\x{1c8a}\x{a7cb}-\x{a7cd}\x{a7da}-\x{a7dc}\x{105c0}-\x{105f3}"
    r"\x{10d4a}-\x{10d65}\x{10d6f}-\x{10d85}\x{10ec2}-\x{10ec4}\x{11380}-\x{11389}\x{1138b}"
    r"\x{1138e}\x{11390}-\x{113b5}\x{113b7}\x{113d1}\x{113d3}\x{11bc0}-\x{11be0}"
    r"\x{13460}-\x{143fa}\x{16100}-\x{1611d}\x{16d40}-\x{16d6c}\x{18cff}\x{1e5d0}-\x{1e5ed}"
    r"\x{1e5f0}\x{2ebf0}-\x{2ee5d}"
)
NEWER_NUMBERS = (
    r"\x{10d40}-\x{10d49}\x{116d0}-\x{116e3}\x{11bf0}-\x{11bf9}\x{16130}-\x{16139}"
    r"\x{16d70}-\x{16d79}\x{1ccf0}-\x{1ccf9}\x{1e5f1}-\x{1e5fa}"
)


def _word(letters: str = "", numbers: str = "") -> str:
    """The pattern of a word, with letters and numbers besides those that RE2 knows."""
    letters, numbers = rf"\p{{L}}{letters}", rf"\p{{N}}{numbers}"
    return (
        r"'s|'t|'re|'ve|'m|'ll|'d"
        rf"| ?[{letters}]+| ?[{numbers}]+| ?[^{BLANKS}{letters}{numbers}]+|[{BLANKS}]+"
    )


WORD, NEWER_WORD = _word(), _word(NEWER_LETTERS, NEWER_NUMBERS)


class Pieces(NamedTuple):
    """Parts of texts, in order.

    Args:
        strings: `(pieces,)`, string.
        rows: the index of each piece's text, `(pieces,)`, int64.
        starts: its byte offset in that text, `(pieces,)`, int32.
    """

    strings: tf.Tensor
    rows: tf.Tensor
    starts: tf.Tensor


def pre_tokenize(texts: tf.Tensor, *, newer: bool = False) -> Pieces:
    """The words of texts `(n,)`. Byte pairs are merged within a word only.

    A word is `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`; or a run of letters, digits or signs,
    with one space before it; or white space, without its last character if something follows. A
    word of more than `LONGEST_WORD` bytes is split. Letters and numbers newer than RE2's Unicode
    count as signs, unless `newer` is set.

    Example:

    >>> words = pre_tokenize(tf.constant(["it's  10 €", "b"]))
    >>> [word.decode() for word in words.strings.numpy()]
    ['it', "'s", ' ', ' 10', ' €', 'b']
    >>> words.rows.numpy().tolist(), words.starts.numpy().tolist()
    ([0, 0, 0, 0, 0, 1], [0, 2, 4, 5, 8, 0])
    """
    # The regular expressions stop at a zero byte, so it is replaced by another sign.
    runs = _runs(tf.strings.regex_replace(texts, r"\x00", "\x01"))
    words, inner, _ = _split(runs.strings, NEWER_WORD if newer else WORD)
    of_run = row_ids(words)  # (words,)
    rows = tf.gather(runs.rows, of_run)
    starts = tf.gather(runs.starts, of_run) + inner.values
    lengths = tf.strings.length(words.values)
    parts = (lengths + LONGEST_WORD - 1) // LONGEST_WORD  # (words,)
    of_word = tf.repeat(tf.range(tf.size(lengths)), parts)  # (parts of words,)
    within = tf.range(tf.size(of_word)) - tf.gather(tf.cumsum(parts, exclusive=True), of_word)
    rows, starts, lengths = (tf.gather(column, of_word) for column in (rows, starts, lengths))
    offset = within * LONGEST_WORD
    starts, lengths = starts + offset, tf.minimum(lengths - offset, LONGEST_WORD)
    return Pieces(tf.strings.substr(tf.gather(texts, rows), starts, lengths), rows, starts)


def _runs(texts: tf.Tensor) -> Pieces:
    """Runs of white space and of other characters, with one space before them if there is one."""
    runs, ragged_starts, ragged_limits = _split(texts, BLANK_RUN)
    rows = row_ids(runs)  # (runs,)
    strings, starts, limits = runs.values, ragged_starts.values, ragged_limits.values
    blank = tf.strings.regex_full_match(strings, BLANK_RUN)
    followed = tf.concat([rows[1:] == rows[:-1], [False]], axis=0)[: tf.size(rows)] & blank
    ones = tf.ones_like(starts)
    last = tf.strings.substr(tf.where(followed, strings, " "), -ones, ones, unit="UTF8_CHAR")
    cut = tf.where(followed, limits - tf.strings.length(last), limits)
    gives = followed & (last == " ")
    takes = tf.concat([[False], gives], axis=0)[:-1]
    starts = tf.where(takes, starts - 1, starts)
    return _slices(texts, rows, starts, cut, tf.where(followed & ~gives, limits, cut))


def _slices(
    texts: tf.Tensor, rows: tf.Tensor, starts: tf.Tensor, middles: tf.Tensor, limits: tf.Tensor
) -> Pieces:
    """The strings from start to middle and from middle to limit, in order, without empty ones."""
    rows = tf.repeat(rows, 2)  # (2 * runs,)
    starts, limits = (
        tf.reshape(tf.stack(sides, axis=1), [-1])
        for sides in ((starts, middles), (middles, limits))
    )
    full = tf.where(limits > starts)[:, 0]
    rows, starts, limits = (tf.gather(column, full) for column in (rows, starts, limits))
    return Pieces(tf.strings.substr(tf.gather(texts, rows), starts, limits - starts), rows, starts)


def _split(texts: tf.Tensor, pattern: str) -> tuple[tf.RaggedTensor, ...]:
    """The matches and the parts between them, their starts and limits, int32: all `(n, parts)`."""
    parts, starts, limits = tf_text.regex_split_with_offsets(texts, pattern, pattern)
    return parts, *(side.with_values(tf.cast(side.values, tf.int32)) for side in (starts, limits))
