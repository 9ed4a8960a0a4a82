"""The tokenizer that a Hugging Face folder describes."""

import numpy as np
import pytest
from support.published import assert_refused, edit_json, sequence

from mtl_keras.encoders.pretrained import loading


def test_tokenizer_settings(folder):
    assert loading.load(str(folder), max_length=16).tokenizer.lowercase
    edit_json(folder / "tokenizer_config.json", do_lower_case=False)
    assert not loading.load(str(folder), max_length=16).tokenizer.lowercase
    edit_json(folder / "tokenizer_config.json", strip_accents=True)
    assert_refused(folder, "has strip_accents True; supported: False")
    edit_json(folder / "tokenizer_config.json", strip_accents=None, tokenize_chinese_chars=False)
    assert_refused(folder, "has tokenize_chinese_chars False; supported: True")


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
