"""The shape of an encoder: what it refuses, and what follows from it."""

import json

import pytest

from mtl_keras.encoders.transformer.config import RANGES, EncoderConfig, check_pooling
from mtl_keras.errors import InputError

SHAPE = {
    "vocabulary_size": 20,
    "hidden_dim": 8,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 16,
}
CAUSAL = {"causal": True, "attention_windows": [0, 4]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_heads": 3}, "multiple of num_heads"),
        ({"pooling": "max"}, "pooling must be one of"),
        ({"attention_windows": [2], "causal": True}, "a number from 0 for each block"),
        ({"attention_windows": [2, 2]}, "and causal blocks"),
        ({"pooling": "pooler", "pooler": False}, "only if there is one"),
    ],
)
def test_impossible_shapes(wrong, message):
    with pytest.raises(ValueError, match=message):
        EncoderConfig(**SHAPE | wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, 10**9) for name in RANGES],
        *[(name, -1) for name in RANGES],
        *[("dropout", value) for value in (2.0, 1.0, float("nan"), "0.1", True)],
        *[("norm_epsilon", value) for value in (float("inf"), None)],
        *[("num_layers", value) for value in (2.0, True, "2", 0)],
    ],
)
def test_every_number_has_a_range(name, value):
    with pytest.raises(InputError, match=rf"^{name} must be a .*number from .* to .*. Received: "):
        EncoderConfig(**SHAPE | {name: value})


def test_blocks_see_everything_unless_they_have_a_window():
    assert [EncoderConfig(**SHAPE).attention_window(block) for block in range(2)] == [0, 0]
    windowed = EncoderConfig(**SHAPE | CAUSAL)
    assert [windowed.attention_window(block) for block in range(2)] == [0, 4]


@pytest.mark.slow
def test_config_round_trip():
    config = EncoderConfig(**SHAPE | CAUSAL, pooler=True)
    assert EncoderConfig.from_config(json.loads(json.dumps(config.get_config()))) == config


def test_a_source_may_be_pooled_only_in_ways_that_it_has():
    check_pooling("pooler", pooler=True)
    for pooling, pooler in (("pooler", False), ("max", True)):
        with pytest.raises(InputError, match="one of mean, cls, pooler, last, pooler only if"):
            check_pooling(pooling, pooler)
