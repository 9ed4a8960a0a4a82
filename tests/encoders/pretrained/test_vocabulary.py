"""The tokenizer that a Hugging Face folder describes."""

import numpy as np
import pytest
from support.published import assert_refused, edit_json, sequence

from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.tokenizers.normalization import BertNormalization


def test_tokenizer_settings(folder):
    assert loading.load(str(folder), max_length=16).tokenizer.lowercase
    edit_json(folder / "tokenizer_config.json", do_lower_case=False)
    assert not loading.load(str(folder), max_length=16).tokenizer.lowercase


def test_normalization_is_the_folders_own(folder):
    def normalization() -> BertNormalization:
        return loading.load(str(folder), max_length=16).tokenizer.normalization

    assert normalization() == BertNormalization(strip_accents=True)
    edit_json(folder / "tokenizer_config.json", do_lower_case=False)
    assert normalization() == BertNormalization(strip_accents=False)
    edit_json(folder / "tokenizer_config.json", strip_accents=True, tokenize_chinese_chars=False)
    assert normalization() == BertNormalization(strip_accents=True, split_chinese=False)
    edit_json(folder / "tokenizer.json", model={"max_input_chars_per_word": 50})
    assert normalization().max_characters == 50


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"normalizer": {"type": "Sequence"}}, "normalizer 'Sequence'; supported: 'BertNormal"),
        ({"normalizer": {"clean_text": False}}, "clean_text False; supported: True"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre_tokenizer 'Whitespace'; supported: "),
        ({"model": {"unk_token": "<unk>"}}, "unk_token '<unk>'; supported: '[UNK]'"),
        ({"model": {"continuing_subword_prefix": "@@"}}, "prefix '@@'; supported: '##'"),
    ],
)
def test_other_tokenizers_are_refused(folder, content, message):
    edit_json(folder / "tokenizer.json", **content)
    assert_refused(folder, message)


def test_vocabulary_of_tokenizer_json(folder, tiny_bert):
    words = (folder / "vocab.txt").read_text().split()
    vocabulary = {word: index for index, word in reversed(list(enumerate(words)))}
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()
    content = {"model": {"type": "WordPiece", "vocab": vocabulary}}
    edit_json(folder / "tokenizer.json", **content, normalizer={"lowercase": False})
    tokenizer = loading.load(str(folder), max_length=16).tokenizer
    assert (tokenizer.vocabulary, tokenizer.lowercase) == (words, False)
    edit_json(folder / "tokenizer.json", model={"type": "BPE"})
    assert_refused(folder, "neither vocab.txt nor a WordPiece tokenizer.json")


@pytest.mark.parametrize("content", [{"normalizer": "lower"}, {"normalizer": [1]}])
def test_a_tokenizer_of_another_form_is_refused(folder, content):
    edit_json(folder / "tokenizer.json", **content)
    assert_refused(folder, "cannot be read", "fetch a fresh copy")


@pytest.mark.slow
def test_windows_line_ends_in_the_vocabulary(folder, tiny_bert):
    text = (folder / "vocab.txt").read_bytes()
    (folder / "vocab.txt").write_bytes(text.replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    np.testing.assert_array_equal(sequence(folder), sequence(tiny_bert))
