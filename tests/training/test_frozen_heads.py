"""Drift is counted from when a head was frozen, of those that still are."""

import pytest

from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training.frozen_heads import FrozenHeads

BOTH = ("heads/topic", "heads/entities")


@pytest.fixture
def model_and_heads(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    datasets = open_datasets(recipe)
    model = build_model(recipe, datasets)
    return model, FrozenHeads(model, datasets)


@pytest.mark.slow
def test_a_snapshot_stays_while_its_head_is_frozen_and_goes_when_it_trains(model_and_heads):
    _, heads = model_and_heads
    heads.begin(BOTH)
    first = dict(heads.snapshots)
    assert set(first) == {"topic", "entities"}
    heads.begin(BOTH[:1])
    assert heads.snapshots == {"topic": first["topic"]}
    assert heads.snapshots["topic"] is first["topic"]


def test_under_a_frozen_encoder_nothing_drifts(model_and_heads):
    model, heads = model_and_heads
    FreezePlan.backbone().apply(model)
    heads.begin(BOTH)
    heads.add("topic")
    assert heads.drift() == {}


@pytest.mark.slow
def test_drift_runs_from_the_snapshot_to_the_model_as_it_is(model_and_heads):
    model, heads = model_and_heads
    heads.add("topic")
    assert heads.drift()["topic"]["cka"] == pytest.approx(1)
    for weight in model.layer_groups["block_0"][0].trainable_variables:
        weight.assign(3 * weight)
    assert heads.drift()["topic"]["cka"] < 0.999


@pytest.mark.slow
def test_a_checkpoints_snapshots_replace_those_there_are(model_and_heads):
    _, heads = model_and_heads
    heads.begin(BOTH)
    kept = {"topic": heads.snapshots["topic"]}
    heads.resume(kept)
    assert heads.snapshots == kept
    assert heads.snapshots is not kept, "a head that is frozen later is added to a copy"
