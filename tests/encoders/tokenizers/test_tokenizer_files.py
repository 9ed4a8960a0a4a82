"""Hugging Face's `tokenizers` cuts texts by our files as our tokenizer does."""

import csv
import gzip
import itertools
import json
from pathlib import Path

import pytest
import tensorflow as tf
from tokenizers import Tokenizer

import mtl_keras
from mtl_keras.encoders.pretrained.loading import load
from mtl_keras.encoders.tokenizers.tokenizer_files import (
    SETTINGS,
    TOKENIZER,
    VOCABULARY,
    write_tokenizer_files,
)
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.export.saved_model.verification import ODD_TEXTS

WHOLE = [text for text in ODD_TEXTS if text.decode(errors="ignore").encode() == text]


@pytest.fixture(scope="module")
def vocabulary():
    """That of all-MiniLM-L6-v2."""
    return load("all-MiniLM-L6-v2", max_length=48).tokenizer.vocabulary


@pytest.fixture(scope="module", params=[True, False], ids=["lowercase", "cased"])
def both(request, vocabulary, tmp_path_factory):
    """Ours, and the folder of its files."""
    folder = tmp_path_factory.mktemp("tokenizer")
    ours = WordpieceTokenizer(vocabulary, lowercase=request.param, max_length=48)
    write_tokenizer_files(ours, folder)
    return ours, folder


def assert_cut_alike(both, texts):
    ours, folder = both
    theirs = Tokenizer.from_file(str(folder / TOKENIZER))
    actual = theirs.encode_batch(texts)
    expected = ours(tf.constant(texts)).token_ids
    assert [encoding.ids for encoding in actual] == expected.to_tensor().numpy().tolist()
    lengths = expected.row_lengths().numpy().tolist()
    assert [sum(encoding.attention_mask) for encoding in actual] == lengths


@pytest.mark.slow
def test_odd_texts(both):
    assert_cut_alike(both, [text.decode() for text in WHOLE])


def test_the_sample_tickets(both):
    path = Path(mtl_keras.__file__).parent / "samples" / "tickets" / "test.csv"
    with path.open(encoding="utf-8") as file:
        assert_cut_alike(both, [row["text"] for row in csv.DictReader(file)])


def test_public_texts(both, shared):
    """Tweets, and sentences of an encyclopedia: many alphabets, many signs."""
    with gzip.open(shared / "corpus" / "enwiki_sentences.txt.gz", "rt", encoding="utf-8") as file:
        sentences = [line.rstrip("\n") for line in itertools.islice(file, 6000)]
    conll = (shared / "data" / "wnut17" / "train.conll").read_text(encoding="utf-8")
    tweets = [
        " ".join(line.split("\t")[0] for line in block.splitlines())
        for block in conll.split("\n\n")
    ]
    assert_cut_alike(both, sentences)
    assert_cut_alike(both, tweets)


def test_the_other_files(both):
    ours, folder = both
    pieces = (folder / VOCABULARY).read_bytes().decode().split("\n")
    assert pieces == [*ours.vocabulary, ""]
    settings = json.loads((folder / SETTINGS).read_text())
    assert settings["do_lower_case"] == ours.lowercase
    assert settings["model_max_length"] == ours.max_length
    assert settings["split_special_tokens"], "a [SEP] that a user types is plain text"
