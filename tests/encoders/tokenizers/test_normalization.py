"""What a source makes of characters."""

import keras
import pytest
import tokenizers

from mtl_keras.encoders.tokenizers.fast_models import read_normalizer
from mtl_keras.encoders.tokenizers.normalization import (
    BertNormalization,
    Characters,
    FastNormalization,
    TfHubNormalization,
    characters_in,
    read_tables,
    splitter_model,
)

KINDS = [
    FastNormalization(),
    TfHubNormalization(),
    BertNormalization(strip_accents=False, split_chinese=False, max_characters=50),
]


@pytest.mark.parametrize("normalization", KINDS)
def test_a_normalization_is_kept_in_a_file(normalization):
    kept = keras.saving.serialize_keras_object(normalization)
    assert keras.saving.deserialize_keras_object(kept) == normalization


def test_compatibility_forms_are_written_out_by_tf_hub_and_kept_by_bert():
    hub = TfHubNormalization().characters(lowercase=True).changes
    bert = BertNormalization(strip_accents=True).characters(lowercase=True).changes
    assert [hub[sign] for sign in "…½²ß™"] == ["...", "1⁄2", "2", "ss", "tm"]
    assert not set("…½²ß™") & bert.keys()
    assert [bert[sign] for sign in "É\u0301\x07\u2028"] == ["e", "", "", " "]


def test_the_tables_are_those_of_this_version_of_tokenizers():
    """If it fails, run `tests/support/make_bert_characters.py`, and look at what changed."""
    tables = read_tables()
    lower = tokenizers.normalizers.BertNormalizer(False, False, False, True).normalize_str
    assert all(lower(string[0]) == string[1:] for string in tables["lowercase"])
    split = tokenizers.pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    assert all(len(split(f"a{c}b")) == 3 for c in characters_in(tables["punctuation"]))


def test_a_letter_at_which_words_would_be_split_becomes_a_private_character():
    model = splitter_model(Characters({"A": "!"}, frozenset("!?")), ["a!", "##\ue000"])
    changes = read_normalizer(model.normalizer)
    (letter,) = model.vocabulary[0].removeprefix("a")
    assert changes["!"] == changes["A"] == letter
    assert changes["?"] == changes[letter] == "\ue001"
    assert letter not in "!\ue000\ue001"


def test_characters_in_ranges():
    assert characters_in("41-43 5f") == ["A", "B", "C", "_"]
