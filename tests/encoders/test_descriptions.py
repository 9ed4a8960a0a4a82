"""Plain values → the tokenizers and shapes that they describe."""

import keras
import pytest

from mtl_keras.encoders.descriptions import described
from mtl_keras.encoders.transformer.config import EncoderConfig

DESCRIPTIONS = [keras.saving.serialize_keras_object, lambda value: value.get_config()]
SHAPE = EncoderConfig(
    vocabulary_size=5, hidden_dim=8, num_layers=2, num_heads=2, intermediate_dim=16
)


@pytest.mark.parametrize("describe", DESCRIPTIONS, ids=["now", "0.1.0"])
def test_a_shape_is_described_with_its_class_or_without_as_by_0_1_0(describe):
    assert described(describe(SHAPE)) == SHAPE


@pytest.mark.parametrize("describe", DESCRIPTIONS, ids=["now", "0.1.0"])
def test_so_is_a_tokenizer(describe, letters):
    assert described(describe(letters)).get_config() == letters.get_config()
