"""Encoders that branch off: the same vectors, weights of their own above a level."""

import numpy as np
import pytest

from mtl_keras.encoders.branches import branch_off
from mtl_keras.encoders.levels import cut_above, levels_of
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.config import EncoderConfig

TEXTS = ["abc de", "a"]
OUTPUTS = ("sentence_embedding", "sequence_output")


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"normalize_first": True, "pooling": "cls"},
        {"pooler": True, "pooling": "pooler"},
        {"normalize_first": True, "causal": True, "pooling": "last"},
    ],
)
def test_a_branch_gives_the_same_vectors_from_weights_of_its_own(shape, letters):
    sizes = {"hidden_dim": 8, "num_layers": 3, "num_heads": 2, "intermediate_dim": 12}
    config = EncoderConfig(vocabulary_size=len(letters.vocabulary), **sizes | shape)
    encoder = TextEncoder(letters, config)
    branch = branch_off(encoder, "block_0", "topic-mood")
    assert levels_of(branch) == levels_of(encoder)
    for level in ("block_1", "block_2"):
        cut, like = cut_above(branch, level), cut_above(encoder, level)
        expected = like.encode(TEXTS, OUTPUTS)
        for name, vectors in cut.encode(TEXTS, OUTPUTS).items():
            np.testing.assert_array_equal(vectors, expected[name])
    shared = {id(weight) for weight in encoder.transformer.weights}
    own = [
        id(weight) in shared
        for level in ("block_1", "block_2")
        for layer in branch.layer_groups[level]
        for weight in layer.weights
    ]
    assert not any(own)
    paths = [weight.path for weight in branch.transformer.weights]
    assert len({*paths}) == len(paths)
