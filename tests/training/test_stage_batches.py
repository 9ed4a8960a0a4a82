"""What a stage reads follows from seed, epoch and pass."""

import dataclasses

import numpy as np
import pytest

from mtl_keras.plans.protection import GradientProjection
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_batches import StageBatches


@pytest.fixture
def materials(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    datasets = open_datasets(recipe)
    return Materials.of(recipe, datasets, build_model(recipe, datasets))


def _read(dataset) -> list[bytes]:
    return [x["token_ids"].numpy().tobytes() for x, _, _ in dataset]


def _tasks(weights) -> set[str]:
    return {name for name, weight in weights.items() if np.any(weight.numpy())}


@pytest.mark.slow
def test_an_epoch_has_the_same_batches_whenever_it_begins(materials):
    batches = StageBatches(materials, Stage(epochs=2))
    dataset = batches.training()
    first, second = _read(dataset), []
    batches.begin_epoch(1)
    second = _read(dataset)
    assert sorted(first) != sorted(second)
    batches.begin_epoch(0)
    assert _read(dataset) == first
    assert _read(StageBatches(materials, Stage(epochs=2), epoch=1).training()) == second


@pytest.mark.slow
def test_with_steps_per_epoch_batches_come_without_end(materials):
    stage = Stage(steps_per_epoch=3)
    batches = StageBatches(materials, stage).training()
    assert batches.cardinality() < 0
    assert len(_read(batches.take(200))) == 200, "several passes over the files"


@pytest.mark.slow
def test_only_tasks_that_train_come_and_protected_ones_with_them(materials):
    alone = StageBatches(materials, Stage(tasks=("topic",))).training()
    assert all(_tasks(weights) == {"topic"} for _, _, weights in alone)
    stage = Stage(tasks=("topic",), protect=GradientProjection())
    replayed = StageBatches(materials, stage).training()
    assert all(_tasks(weights) == {"topic", "entities"} for _, _, weights in replayed)


@pytest.mark.slow
def test_validation_reads_all_tasks_in_one_order(materials):
    batches = StageBatches(materials, Stage(tasks=("topic",))).validation()
    assert set().union(*(_tasks(weights) for _, _, weights in batches)) == {"topic", "entities"}
    assert _read(batches) == _read(batches)


@pytest.mark.slow
@pytest.mark.parametrize("max_tokens", [None, 96])
def test_batches_have_no_more_shapes_than_are_counted(materials, max_tokens):
    size = None if max_tokens else 8
    recipe = dataclasses.replace(materials.recipe, batch_size=size, max_tokens=max_tokens)
    batches = StageBatches(dataclasses.replace(materials, recipe=recipe), Stage())
    widths = batches.static_widths(compiled_pieces=10)
    shapes = {tuple(x["token_ids"].shape) for x, _, _ in batches.training(widths)}
    assert {length for _, length in shapes} <= set(widths)
    assert len(shapes) <= batches.shapes(widths)
