"""Where the frozen prefix of a model ends, and the network above it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.models.frozen_prefix import (
    FEATURES,
    SENTENCE,
    UpperPart,
    frozen_prefix,
    groups_up_to,
    output_of,
)

BACKBONE = ["embeddings", "block_0", "block_1"]


@pytest.fixture(scope="module")
def of_sentences(tiny_encoder):
    """A model none of whose heads reads word pieces."""
    return mtl.MultiTaskModel(tiny_encoder(dropout=0.0), [mtl.Task("topic", labels=["x", "y"])])


@pytest.fixture(scope="module")
def of_pieces(tiny_model):
    """A model one of whose heads reads word pieces."""
    return tiny_model()


@pytest.mark.parametrize(
    ("frozen", "level"),
    [
        ([], None),
        (["embeddings"], None),
        (["embeddings", "block_0"], "block_0"),
        (["embeddings", "block_1", "heads/topic"], None),
        (["block_0", "block_1"], None),
        (BACKBONE, "block_1"),
    ],
)
def test_it_is_the_longest_frozen_run_from_the_bottom_that_holds_a_block(of_pieces, frozen, level):
    assert frozen_prefix(of_pieces, frozen) == level


def test_of_a_frozen_encoder_whose_heads_read_sentences_it_is_all(of_sentences):
    assert frozen_prefix(of_sentences, BACKBONE) == SENTENCE
    assert frozen_prefix(of_sentences, BACKBONE[:2]) == "block_0"


def test_groups_up_to_a_level_are_those_that_features_leave_out(of_sentences):
    levels = (None, "embeddings", "block_0", "block_1", SENTENCE)
    assert [groups_up_to(of_sentences, level) for level in levels] == [
        [],
        BACKBONE[:1],
        BACKBONE[:2],
        BACKBONE,
        BACKBONE,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("level", ["block_0", SENTENCE])
def test_from_features_the_upper_part_answers_as_the_whole_model(of_sentences, level):
    model = of_sentences
    x = model.encoder.encode(["a b c", "d"], outputs=("token_ids", "padding_mask"))
    x = {name: tf.constant(array) for name, array in x.items()}
    prefix = keras.Model(model.input, output_of(model.encoder, level))
    features = {FEATURES: prefix(x), "padding_mask": x["padding_mask"]}
    answers = UpperPart.of(model, level)(features, training=False)
    np.testing.assert_allclose(answers["topic"], model(x)["topic"], atol=1e-6)


def test_what_features_leave_out_must_not_train(tiny_model):
    model = tiny_model()
    upper = UpperPart.of(model, "block_0")
    mtl.FreezePlan.lowest(1).apply(model)
    upper.check(model)
    mtl.FreezePlan.lowest(0).apply(model)
    with pytest.raises(InputError, match="from after block_0, but block_0 trains; freeze it"):
        upper.check(model)
