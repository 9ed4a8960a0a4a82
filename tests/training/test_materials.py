"""What all stages share is made once."""

import dataclasses

import pytest

from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training.materials import Materials

STAGES = (
    Stage(freeze=FreezePlan.backbone(), tasks=("topic",)),
    Stage(freeze=FreezePlan.top(1), tasks=("topic",), epochs=2),
)


@pytest.fixture
def make(tiny_recipe):
    def make(**changes) -> Materials:
        plan = TrainingPlan.of(STAGES)
        recipe = dataclasses.replace(load_recipe(tiny_recipe), plan=plan, **changes)
        datasets = open_datasets(recipe)
        return Materials.of(recipe, datasets, build_model(recipe, datasets))

    return make


def test_groups_that_train_in_any_stage_are_known(make):
    assert make().trained_groups == ["block_1", "heads/topic"]


def test_levels_serve_the_stage_and_those_after_it_unless_nothing_is_kept(make):
    kept, not_kept = make(), make(cache=False)
    assert kept.levels(0).names == ("block_1", "block_0")
    assert kept.levels(1).names == ("block_0",)
    assert not not_kept.levels(0).names


@pytest.mark.slow
def test_lengths_are_counted_when_asked_for_and_once(make):
    materials = make()
    lengths = materials.lengths("topic", "train")
    assert lengths.total() == materials.datasets["topic"].counts["train"]
    assert materials.lengths("topic", "train") is lengths
