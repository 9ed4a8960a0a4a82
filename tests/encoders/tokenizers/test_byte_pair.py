"""Byte pairs: the ids and places of the original library, for any text."""

import json

import hypothesis.strategies as st
import pytest
import tensorflow as tf
import tokenizers
from hypothesis import example, given
from support.places import CHECKPOINTS

from mtl_keras.encoders.pretrained.vocabulary import TOKENIZERS
from mtl_keras.encoders.tokenizers.byte_pair import BytePairTokenizer, byte_alphabet
from mtl_keras.encoders.tokenizers.pre_tokenization import LONGEST_WORD
from mtl_keras.encoders.tokenizers.tokenizer import align_labels
from mtl_keras.errors import InputError

FOLDER = CHECKPOINTS / "gpt2"
# Characters at which words begin and end, and some that take up to four bytes.
HARD = st.text(
    " \t\n\r\v\x1c\x85\xa0\u2009\u3000aeinot'sdvl19.,!?-\"()é½²我👍\U000e0041\x00", max_size=40
)


@pytest.fixture(scope="module")
def ours() -> BytePairTokenizer:
    return TOKENIZERS["byte pairs"](FOLDER)(max_length=4096)


@pytest.fixture(scope="module")
def theirs() -> tokenizers.ByteLevelBPETokenizer:
    return tokenizers.ByteLevelBPETokenizer(str(FOLDER / "vocab.json"), str(FOLDER / "merges.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("texts", [HARD, st.text(max_size=40)], ids=["hard", "any"])
def test_ids_and_places_are_the_original_librarys(texts, ours, theirs):
    @given(st.lists(texts, min_size=1, max_size=8))
    @example(["aaaa aaaaa", "  's  't", "a \n b", "x" * LONGEST_WORD, "<|endoftext|>", "end  "])
    def check(batch):
        actual = ours(tf.constant([text.encode() for text in batch]))
        for text, ids, starts, limits in zip(
            batch, *(column.to_list() for column in actual[:3]), strict=True
        ):
            expected = theirs.encode(text)
            assert ids == (expected.ids or [ours.vocabulary.index("<|endoftext|>")])
            for piece, start, limit in zip(ids, starts, limits, strict=True):
                covered = text.encode()[start:limit]
                assert covered.strip(b" ") == in_bytes(ours.vocabulary[piece]) or not expected.ids

    check()


def in_bytes(piece: str) -> bytes:
    of_character = {character: byte for byte, character in byte_alphabet().items()}
    return bytes(of_character[character] for character in piece).strip(b" ")


def test_any_bytes_are_a_text(ours):
    actual = ours(tf.constant([b"\xff\xfe a\x80", b"", b"\xe2\x82"]))
    assert actual.limits[:, -1:].values.numpy().tolist() == [5, 0, 2]
    assert actual.is_text.to_list()[1] == [False]


@pytest.mark.slow
def test_a_megabyte_is_read_up_to_max_length():
    short = TOKENIZERS["byte pairs"](FOLDER)(max_length=16)
    texts = ["a" * 2**20, "ab " * 350_000, "\n" * 2**20]
    assert short(tf.constant(texts)).token_ids.row_lengths().numpy().tolist() == [16, 16, 16]


def test_words_are_those_of_tagged_data(ours):
    text = 'He said (in the U.S.): "don\'t"...  now\n\nok '
    words = ours.split_words(ours(tf.constant([text])))
    spans = zip(words.starts.to_list()[0], words.limits.to_list()[0], strict=True)
    actual = [text[slice(*span)] for span in spans]
    assert "".join(actual) == text.replace(" ", "").replace("\n", "")
    assert {"He", "said", "in", "don't", "now", "ok"} <= set(actual)


def test_labels_go_to_each_words_first_piece(ours):
    text = "to the tiny drum"
    starts, labels = tf.ragged.constant([[0, 3, 7, 12]]), tf.ragged.constant([[1, 2, 3, 4]])
    tokenized = ours(tf.constant([text]))
    actual, mask = align_labels(tokenized, starts, labels)
    places = [p for p, m in zip(tokenized.starts.to_list()[0], mask.to_list()[0], strict=True) if m]
    assert places == [0, 3, 7, 12]
    assert [label for label in actual.to_list()[0] if label] == [1, 2, 3, 4]


@pytest.mark.slow
def test_config_round_trip(ours):
    again = BytePairTokenizer.from_config(json.loads(json.dumps(ours.get_config())))
    texts = tf.constant(["a tiny drum's"])
    assert again(texts).token_ids.to_list() == ours(texts).token_ids.to_list()


def test_a_folder_with_tokenizer_json_alone(ours, theirs, tmp_path):
    theirs.save(str(tmp_path / "tokenizer.json"))
    again = TOKENIZERS["byte pairs"](tmp_path)(max_length=4096)
    assert (again.vocabulary, again.merges) == (ours.vocabulary, ours.merges)
    content = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    for change, message in (
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "add_prefix_space"),
        ({"post_processor": {"special_tokens": {"<s>": {}}}}, "special tokens around a text"),
        ({"model": content["model"] | {"ignore_merges": True}}, "without ignore_merges"),
        ({"model": content["model"] | {"type": "Unigram"}}, "has no vocabulary"),
    ):
        changed = json.dumps(content | change)
        (tmp_path / "tokenizer.json").write_text(changed, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            TOKENIZERS["byte pairs"](tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocabulary": ["a", "b"]}, r"the vocabulary \(2 pieces\) lacks '\\x00'|lacks"),
        ({"merges": ["a zzz"]}, r"merge 0 \('a zzz'\) needs 'zzz', which has no id"),
        ({"max_length": 0}, "at least 1. Received: 0"),
        ({"twice": "a"}, "holds 'a' twice"),
    ],
)
def test_what_does_not_fit(ours, changes, message):
    config = ours.get_config() | changes
    config["vocabulary"] = [*config["vocabulary"], *config.pop("twice", "")]
    with pytest.raises(InputError, match=message):
        BytePairTokenizer.from_config(config)


@pytest.mark.slow
def test_pieces_around_each_text(ours):
    vocabulary = ["<s>", "</s>", *ours.vocabulary]
    around = {"around": ("<s>", "</s>")}
    tokenizer = BytePairTokenizer(vocabulary, ours.merges, max_length=6, **around)
    texts = tf.constant(["the quick brown fox", "a", "", "<s>"])
    actual, inner = tokenizer(texts), ours(texts)
    pieces = [[piece + 2 for piece in ids[:4]] for ids in inner.token_ids.to_list()]
    pieces[2] = []
    assert actual.token_ids.to_list() == [[0, *ids, 1] for ids in pieces]
    assert actual.limits.to_list()[1:3] == [[0, 1, 1], [0, 0]]
    assert not any(row[0] or row[-1] for row in actual.is_text.to_list())
    assert tokenizer.from_config(tokenizer.get_config()).around == ["<s>", "</s>"]
    with pytest.raises(InputError, match="lacks '<s>'; byte pairs need all 256 bytes and <s> and"):
        BytePairTokenizer(ours.vocabulary, ours.merges, **around)
    with pytest.raises(InputError, match=r"at least 3\. Received: 2"):
        BytePairTokenizer(vocabulary, ours.merges, max_length=2, **around)
