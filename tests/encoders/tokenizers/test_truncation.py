"""Which part of a text is read is reported, and decides the answer alone."""

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.every_kind import TEXTS

from mtl_keras.encoders.tokenizers.truncation import reading
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

PIECES = ["[UNK]", "[CLS]", "[SEP]", *"abc.", "##b", "##c"]
TOKENIZER, UNLIMITED = (
    WordpieceTokenizer(PIECES, lowercase=True, max_length=length) for length in (8, 1000)
)
BATCH = [tf.TensorSpec([None], tf.string)]
read, cut, cut_not = (
    tf.function(compute, input_signature=BATCH)
    for compute in (
        lambda texts: reading(TOKENIZER, texts),
        lambda texts: TOKENIZER(texts).token_ids[:, :-1],
        lambda texts: UNLIMITED(texts).token_ids[:, :-1],
    )
)


@pytest.mark.slow
@settings(max_examples=50)
@example(texts=TEXTS)
@example(texts=["a.a.…", "a.a.a…", "aaaaaa \0\n", "aaaaaaé", ""])
@given(texts=st.lists(st.text("abc. é…🙂\n\0", max_size=12), min_size=1, max_size=20))
def test_pieces_limit_and_whole_are_those_of_the_text(texts):
    actual = {name: tensor.numpy() for name, tensor in read(tf.constant(texts)).items()}
    pieces, all_pieces = (tokenizer(tf.constant(texts)).to_list() for tokenizer in (cut, cut_not))
    beginnings = [text.encode()[:limit] for text, limit in zip(texts, actual["limit"], strict=True)]
    before = cut_not(tf.constant(beginnings)).to_list()
    for row in range(len(texts)):
        assert actual["pieces"][row] == len(pieces[row]) + 1
        assert actual["whole"][row] == (pieces[row] == all_pieces[row])
        assert before[row] == pieces[row][: len(before[row])]  # "…" may be read in part
        assert len(pieces[row]) - len(before[row]) <= 2


def test_no_text_is_read_as_none():
    assert all(tensor.shape == (0,) for tensor in read(tf.constant([], tf.string)).values())
