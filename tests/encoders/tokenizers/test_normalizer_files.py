"""A normalization in a `tokenizer.json`: every character is cut as in the graph."""

import pytest
import tensorflow as tf
from tokenizers import Tokenizer

from mtl_keras.encoders.pretrained.loading import load
from mtl_keras.encoders.tokenizers.normalization import (
    BertNormalization,
    FastNormalization,
    TfHubNormalization,
)
from mtl_keras.encoders.tokenizers.normalizer_files import normalizer_files
from mtl_keras.encoders.tokenizers.tokenizer_files import TOKENIZER, write_tokenizer_files
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

BLOCK = 64


@pytest.mark.slow
@pytest.mark.parametrize("lowercase", [True, False], ids=["lowercase", "cased"])
@pytest.mark.parametrize(
    "normalization", [BertNormalization(True), TfHubNormalization(), FastNormalization()], ids=repr
)
def test_characters_are_cut_as_in_the_graph(normalization, lowercase, tmp_path):
    """Those that the two libraries have in common are left out, but for one of 64."""
    vocabulary = [*load("all-MiniLM-L6-v2").tokenizer.vocabulary, "\u1734", "##Ꭰ", "##\u061d"]
    ours = WordpieceTokenizer(
        vocabulary, lowercase=lowercase, max_length=2**20, normalization=normalization
    )
    write_tokenizer_files(ours, tmp_path)
    theirs = Tokenizer.from_file(str(tmp_path / TOKENIZER))
    theirs.no_padding()
    hard = [*map(chr, (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x20000)))]
    hard += map(chr, (*range(0x3400, 0xA000, 64), *range(0xAC00, 0xD800, 64)))
    hard += map(chr, (*range(0xE000, 0xF900, 64), *range(0x20000, 0x110000, 64)))
    cut = [f"{c} ab{c}cd" for c in hard]
    texts = [" ".join(cut[i : i + BLOCK]) for i in range(0, len(cut), BLOCK)]
    actual = ours(tf.constant([text.encode() for text in texts])).token_ids.to_list()
    assert actual == [encoding.ids for encoding in theirs.encode_batch(texts)]


def test_berts_own_normalization_is_one_normalizer():
    parts = normalizer_files(BertNormalization(False), False, ["a"])
    assert parts["normalizer"]["type"] == "BertNormalizer"
    assert parts["normalizer"]["strip_accents"] is False
