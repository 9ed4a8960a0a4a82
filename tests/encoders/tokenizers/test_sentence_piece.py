"""Sentence pieces: the ids and places of the original library, for any text."""

import base64
import json

import hypothesis.strategies as st
import pytest
import tensorflow as tf
from hypothesis import example, given

from mtl_keras.encoders.tokenizers.sentence_piece import SentencePieceTokenizer
from mtl_keras.errors import InputError

sentencepiece = pytest.importorskip("sentencepiece", reason="needs the package sentencepiece")

BERT, FAIRSEQ = ("[CLS]", "[SEP]"), ("<s>", "<pad>", "</s>", "<unk>")
HARD = st.text(" \t\n\r\xa0\u2009\u3000\u2028aeinot's.,!-é½²ﬁ我👍\u0301▁\x00[CLSEP]", max_size=40)

# What the normalizer makes a blank of.
WHITE = "".join(map(chr, [*range(1, 33), *range(0x7F, 0xA1), 0x1680, *range(0x2000, 0x2010)]))
WHITE += "".join(map(chr, [*range(0x2028, 0x2030), *range(0x205F, 0x2070), 0x2581, 0x3000, 0xFEFF]))


@pytest.fixture(scope="module")
def proto() -> bytes:
    from support.presets import BERT_MODEL, sentence_pieces

    return sentence_pieces(BERT_MODEL)


def make(proto: bytes, **settings) -> SentencePieceTokenizer:
    model = base64.b64encode(proto).decode()
    return SentencePieceTokenizer(model, **{"around": BERT, "max_length": 4096} | settings)


@pytest.mark.slow
@pytest.mark.parametrize("texts", [HARD, st.text(max_size=40)], ids=["hard", "any"])
def test_ids_and_places_are_the_original_librarys(texts, proto):
    ours, theirs = make(proto), sentencepiece.SentencePieceProcessor(model_proto=proto)

    @given(st.lists(texts, min_size=1, max_size=8))
    @example(["Naïve  café", "½ ﬁ", "", " ", "a\u2028b \x00c", "e\u0301", "我我 👍", " ▁ a▁b"])
    def check(batch):
        actual = ours(tf.constant([text.encode() for text in batch]))
        for text, *columns in zip(batch, *(column.to_list() for column in actual), strict=True):
            encoded, pieces = text.encode(), theirs.EncodeAsProto(text).pieces
            assert columns[0] == [1, *(piece.id for piece in pieces), 2]
            for piece, start, limit, is_text in zip(
                pieces, *(column[1:-1] for column in columns[1:]), strict=True
            ):
                assert limit == piece.end
                assert is_text == bool(piece.piece.removeprefix("▁"))
                blank = piece.piece.startswith("▁")
                covered = piece.surface.lstrip(WHITE) if blank else piece.surface
                assert encoded[start:limit].decode() == covered

    check()


@pytest.mark.slow
def test_words_are_found_by_byte_offset(proto):
    tokenizer = make(proto)
    texts = ["Naïve  café,\u00a0the\u3000😀 end!!", "[CLS] </s>"]  # these are plain text
    words = tokenizer.split_words(tokenizer(tf.constant(texts)))
    actual = [
        [text.encode()[slice(*place)].decode() for place in zip(*sides, strict=True)]
        for text, *sides in zip(texts, words.starts.to_list(), words.limits.to_list(), strict=True)
    ]
    assert actual == [["Naïve", "café", ",", "the", "😀", "end", "!!"], ["[CLS]", "</s>"]]


@pytest.mark.slow
def test_any_bytes_are_a_text_and_a_long_one_is_cut(proto):
    tokenizer = make(proto, max_length=16)
    long = [b"word " * 200_000, b" " * 1_000_000 + b"a", b"\xff\xfe a\x80", b"", b"\xe2\x82"]
    actual = tokenizer(tf.constant(long))
    assert actual.token_ids.row_lengths().numpy().tolist()[0] == 16
    assert actual.token_ids[:, :1].values.numpy().tolist() == [1] * 5
    assert actual.token_ids[:, -1:].values.numpy().tolist() == [2] * 5
    assert actual.starts.to_list()[1][1:-1] == [1_000_000]
    assert actual.limits[:, -1:].values.numpy().tolist()[2:] == [5, 0, 2]


@pytest.mark.slow
def test_other_pieces_in_place_of_the_models_first(proto):
    own, shifted = make(proto), make(proto, around=("<s>", "</s>"), prefix=FAIRSEQ)
    (ids,), (moved,) = (
        tokenizer(tf.constant(["a☃"])).token_ids.to_list() for tokenizer in (own, shifted)
    )
    assert own.vocabulary[ids[-2]] == "[UNK]"
    assert moved == [0, *(piece + 1 for piece in ids[1:-2]), 3, 2]
    assert shifted.vocabulary[moved[1]] == own.vocabulary[ids[1]]


@pytest.mark.slow
def test_config_round_trip(proto):
    tokenizer = make(proto, prefix=FAIRSEQ, around=("<s>", "</s>"), max_length=9)
    again = SentencePieceTokenizer.from_config(json.loads(json.dumps(tokenizer.get_config())))
    texts = tf.constant(["a text, to be cut in pieces"])
    assert again(texts).token_ids.to_list() == tokenizer(texts).token_ids.to_list()
    assert again.get_config() == tokenizer.get_config()


def test_wrong_models(proto):
    from support.presets import sentence_pieces

    with pytest.raises(InputError, match="cannot be read; fetch a fresh copy"):
        make(proto[:-100])
    with pytest.raises(InputError, match=r"\(300 pieces\) lacks <s>"):
        make(proto, around=("<s>", "</s>"))
    with pytest.raises(InputError, match=r"at least 3\. Received: 2"):
        make(proto, max_length=2)
    found_in_texts = sentence_pieces({"user_defined_symbols": "[CLS],[SEP]"})
    with pytest.raises(InputError, match=r"finds \[CLS\] in texts; supported are"):
        make(found_in_texts)
