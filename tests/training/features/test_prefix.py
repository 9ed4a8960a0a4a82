"""The frozen layers as a function: from token ids, and from features at a lower level."""

import numpy as np
import pytest

from mtl_keras.models.frozen_prefix import SENTENCE
from mtl_keras.training.features.prefix import encoding, weights_digest


@pytest.fixture
def model(tiny_model):
    return tiny_model(dropout=0.5)


@pytest.mark.slow
def test_features_from_a_lower_level_are_those_from_token_ids(model):
    ids, mask = np.array([[2, 5, 6, 3]], np.int32), np.array([[True, True, True, False]])
    of_ids = encoding(model, None, ["block_0", "block_1", SENTENCE])(ids, mask)
    assert {name: tuple(array.shape) for name, array in of_ids.items()} == {
        "block_0": (1, 4, 8),
        "block_1": (1, 4, 8),
        SENTENCE: (1, 8),
    }
    from_below = encoding(model, "block_0", ["block_1", SENTENCE])(of_ids["block_0"].numpy(), mask)
    for level, features in from_below.items():
        np.testing.assert_array_equal(features, of_ids[level])


def test_a_digest_is_of_the_weights_up_to_its_level(model):
    levels = ("embeddings", "block_0", "block_1", SENTENCE)
    before = {level: weights_digest(model, level) for level in levels}
    weight = model.layer_groups["block_1"][0].weights[0]
    weight.assign(weight + 1)
    changed = [level for level in levels if weights_digest(model, level) != before[level]]
    assert changed == ["block_1", SENTENCE]
