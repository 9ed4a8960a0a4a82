"""tensorflow-text's operations read the models that we write."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text as tf_text
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_text.core.pybinds import (
    pywrap_fast_bert_normalizer_model_builder as normalizers,
)
from tensorflow_text.core.pybinds import (
    pywrap_fast_wordpiece_tokenizer_model_builder as splitters,
)

from mtl_keras.encoders.tokenizers.fast_models import (
    max_bytes_place,
    read_normalizer,
    write_normalizer,
)


@pytest.mark.slow
@pytest.mark.parametrize("lowercase", [True, False])
def test_a_model_of_tensorflow_text_is_read_and_written_again(lowercase):
    theirs = normalizers.build_fast_bert_normalizer_model(lowercase)
    changes = read_normalizer(theirs)
    ours = write_normalizer(changes)
    assert read_normalizer(ours) == changes
    texts = [f"ab{chr(code)}cd".encode("utf-8", "surrogatepass") for code in range(0, 0x110000, 7)]
    texts += [np.random.default_rng(i).bytes(30) for i in range(2000)]  # any bytes are a text
    one, other = (
        tf_text.FastBertNormalizer(model_buffer=model).normalize(texts) for model in (ours, theirs)
    )
    np.testing.assert_array_equal(one, other)


CHARACTERS = st.characters(exclude_categories=["Cs"])


@pytest.mark.slow
@settings(max_examples=15)
@given(st.dictionaries(CHARACTERS, st.text(max_size=5)), st.text(max_size=20))
def test_characters_become_strings(changes, text):
    normalizer = tf_text.FastBertNormalizer(model_buffer=write_normalizer(changes))
    expected = "".join(changes.get(character, character) for character in text)
    assert normalizer.normalize([text.encode()]).numpy()[0].decode() == expected
    assert read_normalizer(write_normalizer(changes)) == changes


@pytest.mark.parametrize("longest", [100, 7])
def test_the_longest_word_is_found_in_a_splitters_model(longest):
    model = splitters.build_fast_wordpiece_model(
        ["[UNK]", "a", "##a"], longest, "##", "[UNK]", False, False
    )
    place = max_bytes_place(model)
    assert int.from_bytes(model[place : place + 4], "little") == longest
    changed = bytearray(model)
    changed[place : place + 4] = (3).to_bytes(4, "little")
    splitter = tf_text.FastWordpieceTokenizer(model_buffer=bytes(changed), token_out_type=tf.int32)
    assert splitter.tokenize(["aaa aaaa"]).to_list() == [[1, 2, 2, 0]]
