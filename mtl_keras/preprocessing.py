"""Raw strings → word pieces, inside the TensorFlow graph; word labels → word-piece labels."""

import functools
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

from mtl_keras.errors import InputError

UNKNOWN, FIRST, LAST = "[UNK]", "[CLS]", "[SEP]"


class TokenizedText(NamedTuple):
    """The word pieces of `n` texts, each with its place in the text.

    `token_ids`, `starts` and `limits` are ragged int32 tensors `(n, pieces)`. A piece covers the
    bytes `starts` to `limits` of its text, the limit excluded. `[CLS]` covers none at 0, `[SEP]`
    none at the end of the last piece.
    """

    token_ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    limits: tf.RaggedTensor


class Words(NamedTuple):
    """The words of `n` texts: ragged int32 tensors `(n, words)`.

    `first_piece` is the position of a word's first piece in its text's `token_ids`; the word
    covers the bytes `starts` to `limits` of the text, the limit excluded.
    """

    first_piece: tf.RaggedTensor
    starts: tf.RaggedTensor
    limits: tf.RaggedTensor


class WordpieceTokenizer:
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
            self._is_punctuation = tf.constant([_is_punctuation(v) for v in self.vocabulary])

    def __call__(self, texts: tf.Tensor) -> TokenizedText:
        """Cuts strings `(n,)`, valid UTF-8 or not, into word pieces."""
        return self._graph(texts)

    @functools.cached_property
    def _graph(self) -> Callable[[tf.Tensor], TokenizedText]:
        """Traced once, however many datasets and signatures call it."""
        signature = [tf.TensorSpec([None], tf.string)]
        return tf.function(self._tokenize, input_signature=signature, autograph=False)

    def _tokenize(self, texts: tf.Tensor) -> TokenizedText:
        normalized, origins = self._normalizer.normalize_with_offsets(texts)
        token_ids, starts, limits = self._splitter.tokenize_with_offsets(normalized)
        token_ids, starts, limits = (
            pieces[:, : self.max_length - 2]
            for pieces in (token_ids, _at(origins, starts), _at(origins, limits))
        )
        begin, end = tf.zeros(tf.shape(texts), tf.int32), _last(limits)
        first, last = self.vocabulary.index(FIRST), self.vocabulary.index(LAST)
        return TokenizedText(
            _enclose(token_ids, begin + first, begin + last),
            _enclose(starts, begin, end),
            _enclose(limits, begin, end),
        )

    def split_words(self, tokenized: TokenizedText) -> Words:
        """Finds the words of raw text the way tagged data (CoNLL) cuts them.

        White space separates words. Punctuation at the edges of what it separates is made of
        words of its own, one for each run of the same sign; what remains is one word, with the
        apostrophes, hyphens and points inside it. `@`, `#` and `_` count as letters.

        Example:

        >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "(", ")", "."],
        ...                                lowercase=True)
        >>> words = tokenizer.split_words(tokenizer(tf.constant(["(U.S.) now..."])))
        >>> words.starts.to_list(), words.limits.to_list()
        ([[0, 1, 4, 5, 7, 10]], [[1, 4, 5, 6, 10, 13]])
        """
        token_ids, starts, limits = (pieces[:, 1:-1] for pieces in tokenized)
        punctuation = tf.gather(self._is_punctuation, token_ids.values)
        chunk = tf.cumsum(tf.cast(_after_gap(starts, limits), tf.int32)) - 1
        edge, opens_core = _edges_and_cores(punctuation, chunk)
        repeats = _follows(edge) & _equals_previous(token_ids.values) & _equals_previous(chunk)
        return _words((edge & ~repeats) | opens_core, starts, limits)

    def get_config(self) -> dict:
        """What `from_config` needs, as plain values."""
        return {
            "vocabulary": self.vocabulary,
            "lowercase": self.lowercase,
            "max_length": self.max_length,
        }

    @classmethod
    def from_config(cls, config: dict) -> "WordpieceTokenizer":
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
        Labels, int32, 0 where masked, and the mask, bool, true on each first piece: both ragged
        `(n, pieces)`. Words without a piece (cut off, or white space only) are in neither.

    Example:

    >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "new", "##er", "york"],
    ...                                lowercase=True)
    >>> aligned = align_labels(tokenizer(tf.constant(["Newer York"])),
    ...                        tf.ragged.constant([[0, 6]]), tf.ragged.constant([[1, 2]]))
    >>> [ragged.to_list() for ragged in aligned]
    [[[0, 1, 0, 2, 0]], [[False, True, False, True, False]]]
    """
    starts = tokenized.starts[:, 1:-1]
    place = tf.searchsorted(_keys(word_starts), _keys(starts), side="right")  # words begun so far
    words_above = tf.cast(tf.gather(word_starts.row_starts(), starts.value_rowids()), tf.int32)
    first = (place > words_above) & ~(_equals_previous(place) & _follows(place > words_above))
    padded = tf.concat([[0], tf.cast(labels.values, tf.int32)], axis=0)
    values = tf.where(first, tf.gather(padded, place), 0)
    no_label, no_mask = (tf.zeros(starts.nrows(), dtype) for dtype in (tf.int32, tf.bool))
    return (
        _enclose(starts.with_values(values), no_label, no_label),
        _enclose(starts.with_values(first), no_mask, no_mask),
    )


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


def _is_punctuation(token: str) -> bool:
    if len(token) != 1 or token in "@#_":
        return False
    return unicodedata.category(token).startswith("P") or token in "$+<=>^`|~"


def _at(origins: tf.RaggedTensor, offsets: tf.RaggedTensor) -> tf.RaggedTensor:
    """Offsets into normalized texts → offsets into the texts they came from."""
    base = tf.gather(origins.row_starts(), offsets.value_rowids())
    places = tf.gather(origins.values, base + tf.cast(offsets.values, base.dtype))
    return offsets.with_values(tf.cast(places, tf.int32))


def _last(ragged: tf.RaggedTensor) -> tf.Tensor:
    """The last value of each row, 0 where there is none: (n,)."""
    padded = tf.concat([[0], ragged.values], axis=0)
    return tf.gather(padded, tf.where(ragged.row_lengths() > 0, ragged.row_limits(), 0))


def _enclose(ragged: tf.RaggedTensor, first: tf.Tensor, last: tf.Tensor) -> tf.RaggedTensor:
    """Puts one value (n,) before and one after each row. Much faster than `tf.concat`."""
    splits = ragged.row_splits + 2 * tf.range(ragged.nrows() + 1)
    inner = tf.range(tf.size(ragged.values)) + 2 * tf.cast(ragged.value_rowids(), tf.int32) + 1
    before, after = tf.cast(splits[:-1], tf.int32), tf.cast(splits[1:] - 1, tf.int32)
    values = tf.dynamic_stitch([before, inner, after], [first, ragged.values, last])
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def _after_gap(starts: tf.RaggedTensor, limits: tf.RaggedTensor) -> tf.Tensor:
    """Whether white space, or the beginning of the text, lies before each piece."""
    same_text = _equals_previous(starts.value_rowids())
    previous = tf.concat([[0], limits.values], axis=0)[:-1]
    return ~same_text | (starts.values > previous)


def _edges_and_cores(punctuation: tf.Tensor, chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which pieces are punctuation at a chunk's edge, and which are its first other piece."""
    letters = tf.cast(~punctuation, tf.int32)
    totals = tf.math.segment_sum(letters, chunk)
    above = tf.gather(tf.cumsum(totals, exclusive=True), chunk)
    before = tf.cumsum(letters, exclusive=True) - above  # letter pieces before, within the chunk
    edge = punctuation & ((before == 0) | (before == tf.gather(totals, chunk)))
    return edge, ~punctuation & (before == 0)


def _words(begins: tf.Tensor, starts: tf.RaggedTensor, limits: tf.RaggedTensor) -> Words:
    index = tf.where(begins)[:, 0]
    count = tf.size(begins, out_type=tf.int64)
    last = tf.concat([index, count[tf.newaxis]], axis=0)[1:] - 1
    rows = tf.gather(starts.value_rowids(), index)
    first_piece = index - tf.gather(starts.row_starts(), rows) + 1  # after [CLS]
    columns = (
        tf.cast(first_piece, tf.int32),
        tf.gather(starts.values, index),
        tf.gather(limits.values, last),
    )
    return Words(
        *(
            tf.RaggedTensor.from_value_rowids(c, rows, nrows=starts.nrows(), validate=False)
            for c in columns
        )
    )


def _keys(offsets: tf.RaggedTensor) -> tf.Tensor:
    """One ascending number for each (text, offset)."""
    return offsets.value_rowids() * 2**32 + tf.cast(offsets.values, tf.int64)


def _equals_previous(values: tf.Tensor) -> tf.Tensor:
    return tf.concat([[False], values[1:] == values[:-1]], axis=0)[: tf.size(values)]


def _follows(mask: tf.Tensor) -> tf.Tensor:
    return tf.concat([[False], mask], axis=0)[:-1]
