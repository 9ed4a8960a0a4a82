"""The words that byte pairs are merged within are the original library's."""

import hypothesis.strategies as st
import pytest
import tensorflow as tf
from hypothesis import example, given
from tokenizers import pre_tokenizers

from mtl_keras.encoders.tokenizers.byte_pair import byte_alphabet
from mtl_keras.encoders.tokenizers.pre_tokenization import LONGEST_WORD, pre_tokenize

# Characters at which words begin and end, and some that take up to four bytes.
HARD = st.text(" \t\n\r\x85\xa0\u3000aeinot'sdvl19.,!?-é½²我👍\x00", max_size=40)


@pytest.mark.slow
@pytest.mark.parametrize("texts", [HARD, st.text(max_size=40)], ids=["hard", "any"])
def test_words_are_the_original_librarys(texts):
    theirs = pre_tokenizers.ByteLevel(add_prefix_space=False)
    of_character = {character: byte for byte, character in byte_alphabet().items()}

    @given(st.lists(texts, min_size=1, max_size=8))
    @example(["it's  10 €", "", "   ", "a \n b", "end  "])
    def check(batch):
        words = pre_tokenize(tf.constant([text.encode() for text in batch]))
        expected = [
            (row, bytes(of_character[character] for character in word))
            for row, text in enumerate(batch)
            for word, _ in theirs.pre_tokenize_str(text)
        ]
        rows, strings = words.rows.numpy().tolist(), words.strings.numpy().tolist()
        assert list(zip(rows, strings, strict=True)) == expected

    check()


@pytest.mark.slow
def test_every_character_parts_words_as_in_the_original_library():
    split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    codes = (*range(0x3400), *range(0x3400, 0xD800, 32), *range(0xF900, 0x20000))
    codes += (*range(0x2EB00, 0x2F000), *range(0xE000, 0xF900, 32), *range(0x20000, 0x110000, 32))
    texts = [f"ab{c}cd {c} 1{c}2 {c}x" for c in map(chr, codes)]
    words = pre_tokenize(tf.constant(texts), newer=True)
    lengths = tf.strings.length(words.strings, unit="UTF8_CHAR")
    actual = tf.RaggedTensor.from_value_rowids(lengths, words.rows).to_list()
    assert actual == [[last - first for _, (first, last) in split(text)] for text in texts]


def test_words_stand_where_their_starts_say():
    texts = ["naïve  café's", "", " 👍 x"]
    words = pre_tokenize(tf.constant(texts))
    for word, row, start in zip(*(column.numpy().tolist() for column in words), strict=True):
        assert texts[row].encode()[start:].startswith(word)


def test_a_long_word_is_cut():
    words = pre_tokenize(tf.constant(["x" * (2 * LONGEST_WORD + 1)]))
    lengths = tf.strings.length(words.strings).numpy().tolist()
    assert lengths == [LONGEST_WORD, LONGEST_WORD, 1]
    assert words.starts.numpy().tolist() == [0, LONGEST_WORD, 2 * LONGEST_WORD]
