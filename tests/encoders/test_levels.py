"""What an encoder gives at each of its levels, and the encoder that ends at one."""

import keras
import numpy as np
import pytest

import mtl_keras as mtl
from mtl_keras.encoders.levels import cut_above, levels_of, vectors_at, without_pooler
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.config import EncoderConfig

TEXTS = ["abc d", "e", "f gg a b"]


@pytest.fixture
def pre_norm(letters):
    """An encoder whose blocks normalise first, with a final norm and a pooler."""
    config = EncoderConfig(
        vocabulary_size=len(letters.vocabulary),
        hidden_dim=8,
        num_layers=3,
        num_heads=2,
        intermediate_dim=16,
        normalize_first=True,
        pooler=True,
        pooling="pooler",
    )
    return TextEncoder(letters, config)


def test_levels_are_the_layer_groups_lowest_first(tiny_encoder):
    assert levels_of(tiny_encoder()) == ["embeddings", "block_0", "block_1"]


def test_the_last_level_is_what_the_encoder_gives(tiny_encoder):
    encoder = tiny_encoder()
    last = vectors_at(encoder, "block_1")
    assert last["sequence_output"] is encoder.transformer.output["sequence_output"]
    assert last["sentence_embedding"] is encoder.transformer.output["sentence_embedding"]


def test_a_cut_encoder_gives_what_the_whole_one_has_at_that_level(tiny_encoder):
    encoder = tiny_encoder()
    cut = cut_above(encoder, "block_0")
    network = keras.Model(encoder.transformer.input, vectors_at(encoder, "block_0"))
    batch = {
        "token_ids": np.array([[2, 5, 6, 3], [2, 7, 3, 0]], np.int32),
        "padding_mask": np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool),
    }
    whole, own = network(batch), cut.transformer(batch)
    for name in ("sequence_output", "sentence_embedding"):
        np.testing.assert_array_equal(whole[name], own[name])
    mean = whole["sequence_output"][1, :3].numpy().mean(0)
    np.testing.assert_allclose(whole["sentence_embedding"][1], mean, rtol=1e-5)


def test_a_cut_encoder_is_read_back_from_its_config(pre_norm):
    cut = cut_above(pre_norm, "block_1")
    copy = TextEncoder.from_config(cut.get_config())
    copy.transformer.set_weights(cut.transformer.get_weights())
    assert levels_of(copy) == ["embeddings", "block_0", "block_1"]
    np.testing.assert_allclose(
        copy.encode(TEXTS)["sentence_embedding"], cut.encode(TEXTS)["sentence_embedding"], atol=1e-6
    )


def test_the_final_norm_comes_after_each_level(pre_norm):
    sequence = cut_above(pre_norm, "block_0").encode(TEXTS[:1], ["sequence_output"])
    np.testing.assert_allclose(sequence["sequence_output"][0].mean(-1), 0, atol=1e-5)


def test_the_whole_encoder_cut_at_its_top_is_itself(tiny_encoder):
    encoder = tiny_encoder()
    assert cut_above(encoder, "block_1") is encoder


def test_without_its_pooler_an_encoder_gives_the_same_vectors_and_pools_by_the_mean(pre_norm):
    bare = without_pooler(pre_norm)
    assert "pooled_output" not in bare.output_names
    assert (bare.config.pooler, bare.config.pooling) == (False, "mean")
    actual, whole = (e.encode(TEXTS, ("sequence_output",)) for e in (bare, pre_norm))
    np.testing.assert_array_equal(actual["sequence_output"], whole["sequence_output"])
    assert without_pooler(bare) is bare


def test_a_level_that_is_not_there_is_refused(tiny_encoder):
    with pytest.raises(mtl.InputError, match="no level 'block_2'; it has embeddings, block_0"):
        vectors_at(tiny_encoder(), "block_2")
