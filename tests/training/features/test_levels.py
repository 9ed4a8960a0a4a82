"""Where stages read features, and which later stages one run over the texts serves."""

import pytest

from mtl_keras.models.frozen_prefix import SENTENCE
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import Stage
from mtl_keras.training.features.levels import Levels

HEADS = Stage(freeze=FreezePlan.backbone())
TOP = Stage(freeze=FreezePlan.top(1))
ALL = Stage(epochs=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stages", "levels"),
    [
        ((), Levels()),
        ((ALL, TOP), Levels()),
        ((TOP, ALL, TOP), Levels(("block_0",), 1)),
        ((HEADS, TOP, TOP, ALL), Levels(("block_1", "block_0"), 3)),
        ((TOP, HEADS), Levels(("block_0",), 1)),
        ((Stage(freeze=FreezePlan.backbone(), steps_per_epoch=5), HEADS), Levels()),
        ((Stage(freeze=FreezePlan("embeddings")),), Levels()),
    ],
)
def test_levels_go_down_up_to_the_first_stage_without_a_frozen_prefix(tiny_model, stages, levels):
    assert Levels.of(tiny_model(), stages) == levels


def test_heads_that_read_sentences_alone_need_only_these(tiny_encoder):
    import mtl_keras as mtl

    model = mtl.MultiTaskModel(tiny_encoder(), [mtl.Task("topic", labels=["x", "y"])])
    assert Levels.of(model, [HEADS]).names == (SENTENCE,)


def test_features_that_one_epoch_reads_are_not_worth_it():
    assert Levels(("block_0",), epochs=1).first is None
    assert Levels(("block_1", "block_0"), epochs=2).first == "block_1"
    assert Levels().first is None
