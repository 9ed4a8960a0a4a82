"""Word pieces and their places in a text; finds the words of raw text and aligns their labels."""

import abc
import functools
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import tensorflow as tf


class TokenizedText(NamedTuple):
    """The word pieces of `n` texts, each with its place in the text.

    `token_ids`, `starts` and `limits` are ragged int32 tensors `(n, pieces)`. A piece covers the
    bytes `starts` to `limits` of its text, the limit excluded. `[CLS]` is empty at 0, `[SEP]` is
    empty at the end of the last piece. `is_text`, bool, is true for pieces of words, which are
    neither special nor white space.
    """

    token_ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    limits: tf.RaggedTensor
    is_text: tf.RaggedTensor


class Words(NamedTuple):
    """The words of `n` texts: ragged int32 tensors `(n, words)`.

    `first_piece` is the position of a word's first piece in its text's `token_ids`; the word
    covers the bytes `starts` to `limits` of the text, the limit excluded.
    """

    first_piece: tf.RaggedTensor
    starts: tf.RaggedTensor
    limits: tf.RaggedTensor


class Tokenizer(abc.ABC):
    """Splits strings into word pieces, inside the graph.

    Subclasses define how (`_tokenize`), which pieces are punctuation (`_is_punctuation`, bool, by
    id), and their configuration (`get_config`).
    """

    vocabulary: list[str]
    max_length: int
    resources: Sequence[tf.Module] = ()  # what a SavedModel must contain besides the graph
    _is_punctuation: tf.Tensor

    def __call__(self, texts: tf.Tensor) -> TokenizedText:
        """Splits strings `(n,)`, valid UTF-8 or not, into word pieces."""
        return self._graph(texts)

    @functools.cached_property
    def _graph(self) -> Callable[[tf.Tensor], TokenizedText]:
        """The graph, which is traced once, however many datasets and signatures call it."""
        signature = [tf.TensorSpec([None], tf.string)]
        return tf.function(self._tokenize, input_signature=signature, autograph=False)

    @abc.abstractmethod
    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        """Like `__call__`, in the graph."""

    def split_words(self, tokenized: TokenizedText) -> Words:
        """Finds the words of raw text as in tagged data (CoNLL).

        White space separates words. Punctuation at their edges becomes separate words, one for each
        run of the same sign. The rest is one word, with the apostrophes, hyphens and points inside
        it. `@`, `#` and `_` count as letters.

        Example:

        >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
        >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "(", ")", "."],
        ...                                lowercase=True)
        >>> words = tokenizer.split_words(tokenizer(tf.constant(["(U.S.) now..."])))
        >>> words.starts.to_list(), words.limits.to_list()
        ([[0, 1, 4, 5, 7, 10]], [[1, 4, 5, 6, 10, 13]])
        """
        places = tf.where(tokenized.is_text.values)[:, 0]  # (pieces of words,)
        token_ids, starts, limits = (_only(pieces, places) for pieces in tokenized[:3])
        punctuation = tf.gather(self._is_punctuation, token_ids.values)
        chunk = tf.cumsum(tf.cast(_after_gap(starts, limits), tf.int32)) - 1  # (pieces of words,)
        edge, opens_core = _edges_and_cores(punctuation, chunk)
        repeats = _follows(edge) & _equals_previous(token_ids.values) & _equals_previous(chunk)
        begins = tf.where((edge & ~repeats) | opens_core)[:, 0]  # (words,)
        before = tf.gather(tokenized.starts.row_starts(), row_ids(starts))
        return _words(begins, starts, limits, places - before)

    def as_in_0_1_0(self) -> Self:
        """The tokenizer that 0.1.0 made from the same source."""
        return self

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The arguments of `from_config`, as plain values."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The tokenizer that `get_config` described."""
        return cls(**config)


def align_labels(
    tokenized: TokenizedText, word_starts: tf.RaggedTensor, labels: tf.RaggedTensor
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Gives each word's label to the first of its pieces; the other pieces are masked.

    Args:
        tokenized: the pieces of `n` texts.
        word_starts: byte offset of each word in its text, ascending, ragged `(n, words)`.
        labels: the words' classes, ragged int32 `(n, words)`.

    Returns:
        Labels, int32, 0 if masked, and the mask, bool, true at each first piece: both ragged
        `(n, pieces)`. Words without a piece (truncated, or white space only) are in neither.

    Example:

    >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "new", "##er", "york"],
    ...                                lowercase=True)
    >>> aligned = align_labels(tokenizer(tf.constant(["Newer York"])),
    ...                        tf.ragged.constant([[0, 6]]), tf.ragged.constant([[1, 2]]))
    >>> [ragged.to_list() for ragged in aligned]
    [[[0, 1, 0, 2, 0]], [[False, True, False, True, False]]]
    """
    pieces = tf.where(tokenized.is_text.values)[:, 0]  # (pieces of words,)
    starts = _only(tokenized.starts, pieces)
    words, places = place_keys(word_starts), place_keys(starts)  # (words,), (pieces of words,)
    place = tf.searchsorted(words, places, side="right")  # words begun so far
    words_above = tf.cast(tf.gather(word_starts.row_starts(), row_ids(starts)), tf.int32)
    first = (place > words_above) & ~(_equals_previous(place) & _follows(place > words_above))
    padded = tf.concat([[0], tf.cast(labels.values, tf.int32)], axis=0)
    of_words = tf.boolean_mask(pieces, first)[:, tf.newaxis]  # (words with a piece, 1)
    values = tf.boolean_mask(tf.gather(padded, place), first)  # (words with a piece,)
    count = tf.size(tokenized.starts.values, out_type=tf.int64)[tf.newaxis]
    mask = tf.scatter_nd(of_words, tf.ones_like(values, tf.bool), count)
    return (
        tokenized.starts.with_values(tf.scatter_nd(of_words, values, count)),
        tokenized.starts.with_values(mask),
    )


def enclosed(pieces: TokenizedText, first: int, last: int, max_length: int) -> TokenizedText:
    """Puts a special piece before and after each text. Longer texts are truncated.

    Args:
        pieces: of `n` texts, without special pieces.
        first: id of the piece before a text (`[CLS]`, `<s>`).
        last: id of the piece after it (`[SEP]`, `</s>`).
        max_length: longest result in pieces, these two included.
    """
    token_ids, starts, limits, is_text = (column[:, : max_length - 2] for column in pieces)
    begin = tf.zeros([token_ids.nrows()], tf.int32)
    end, special = _last(limits), tf.zeros_like(begin, tf.bool)
    return TokenizedText(
        _enclose(token_ids, begin + first, begin + last),
        _enclose(starts, begin, end),
        _enclose(limits, begin, end),
        _enclose(is_text, special, special),
    )


def is_punctuation(token: str) -> bool:
    """Whether a word piece is a punctuation mark, which is not part of a word at its edges."""
    if len(token) != 1 or token in "@#_":
        return False
    return unicodedata.category(token).startswith("P") or token in "$+<=>^`|~"


def _after_gap(starts: tf.RaggedTensor, limits: tf.RaggedTensor) -> tf.Tensor:
    """Whether white space, or the start of the text, precedes each piece."""
    same_text = _equals_previous(row_ids(starts))
    previous = tf.concat([[0], limits.values], axis=0)[:-1]
    return ~same_text | (starts.values > previous)


def _edges_and_cores(punctuation: tf.Tensor, chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which pieces are punctuation at a chunk's edge, and which are its first other pieces."""
    letters = tf.cast(~punctuation, tf.int32)
    totals = tf.math.segment_sum(letters, chunk)
    above = tf.gather(tf.cumsum(totals, exclusive=True), chunk)
    before = tf.cumsum(letters, exclusive=True) - above  # letter pieces before, within the chunk
    edge = punctuation & ((before == 0) | (before == tf.gather(totals, chunk)))
    return edge, ~punctuation & (before == 0)


def _only(pieces: tf.RaggedTensor, places: tf.Tensor) -> tf.RaggedTensor:
    """The pieces at these indices of the values, with the same number of rows."""
    rows = tf.gather(row_ids(pieces), places)
    values = tf.gather(pieces.values, places)
    return tf.RaggedTensor.from_value_rowids(values, rows, nrows=pieces.nrows(), validate=False)


def _words(
    begins: tf.Tensor, starts: tf.RaggedTensor, limits: tf.RaggedTensor, positions: tf.Tensor
) -> Words:
    """The words that begin at these pieces; `positions` holds each piece's position in its text."""
    count = tf.size(starts.values, out_type=tf.int64)
    last = tf.concat([begins, count[tf.newaxis]], axis=0)[1:] - 1
    rows = tf.gather(row_ids(starts), begins)
    columns = (
        tf.cast(tf.gather(positions, begins), tf.int32),
        tf.gather(starts.values, begins),
        tf.gather(limits.values, last),
    )
    return Words(
        *(
            tf.RaggedTensor.from_value_rowids(c, rows, nrows=starts.nrows(), validate=False)
            for c in columns
        )
    )


def row_ids(ragged: tf.RaggedTensor) -> tf.Tensor:
    """The row of each value, `(values,)`, in the type of the row splits.

    Like `value_rowids`, but that needs memory as if every row had the length of the longest: one
    long text among many short ones would fill the memory.

    Example:

    >>> row_ids(tf.ragged.constant([[7, 8], [], [9]])).numpy().tolist()
    [0, 0, 2]
    """
    limits, places = ragged.row_limits(), tf.range(ragged.row_splits[-1])
    return tf.raw_ops.UpperBound(
        sorted_inputs=limits[tf.newaxis], values=places[tf.newaxis], out_type=limits.dtype
    )[0]


def place_keys(offsets: tf.RaggedTensor) -> tf.Tensor:
    """One ascending number for each (text, offset)."""
    return row_ids(offsets) * 2**32 + tf.cast(offsets.values, tf.int64)


def _equals_previous(values: tf.Tensor) -> tf.Tensor:
    return tf.concat([[False], values[1:] == values[:-1]], axis=0)[: tf.size(values)]


def _follows(mask: tf.Tensor) -> tf.Tensor:
    return tf.concat([[False], mask], axis=0)[:-1]


def _last(ragged: tf.RaggedTensor) -> tf.Tensor:
    """The last value of each row, 0 for an empty row: `(n,)`."""
    padded = tf.concat([[0], ragged.values], axis=0)
    return tf.gather(padded, tf.where(ragged.row_lengths() > 0, ragged.row_limits(), 0))


def _enclose(ragged: tf.RaggedTensor, first: tf.Tensor, last: tf.Tensor) -> tf.RaggedTensor:
    """Puts one value (n,) before and one after each row. Much faster than `tf.concat`."""
    splits = ragged.row_splits + 2 * tf.range(ragged.nrows() + 1)
    inner = tf.range(tf.size(ragged.values)) + 2 * tf.cast(row_ids(ragged), tf.int32) + 1
    before, after = tf.cast(splits[:-1], tf.int32), tf.cast(splits[1:] - 1, tf.int32)
    values = tf.dynamic_stitch([before, inner, after], [first, ragged.values, last])
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)
