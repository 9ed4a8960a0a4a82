"""A stage that begins anew starts at its first step, and knows what it began with."""

import dataclasses

import numpy as np
import pytest

from mtl_keras.plans.protection import StartingWeights
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.frozen_heads import FrozenHeads
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_start import FreshStart

PROTECTED = Stage(tasks=("topic",), protect=StartingWeights())


@pytest.mark.slow
def test_it_starts_at_the_first_step_after_the_epochs_of_the_stages_before(tiny_recipe, tmp_path):
    plan = TrainingPlan.of([Stage(), PROTECTED])
    recipe = dataclasses.replace(load_recipe(tiny_recipe), plan=plan)
    datasets = open_datasets(recipe)
    materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
    model, heads = materials.model, FrozenHeads(materials.model, datasets)
    selection = Selection(model.tasks, tmp_path, materials.trained_groups)
    starts = []
    for index, epochs_done in ((0, 0), (1, 3)):
        beginning = FreshStart(epochs_done)
        setup = beginning.set_up(materials, index, lambda line: None)
        starts.append(beginning.start(setup, selection, heads))
    plain, protected = starts
    assert plain.progress == Progress(0, first_epoch=0, epoch=0)
    assert protected.progress == Progress(1, first_epoch=3, epoch=3)
    assert protected.fingerprint == Fingerprint.of(model)
    assert (plain.weights, plain.metrics, protected.metrics) == ({}, {}, {})
    assert set(heads.snapshots) == {"entities"}, "the head that the stage froze"
    bias = model.layer_groups["heads/topic"][0].dense.bias
    np.testing.assert_array_equal(protected.weights[f"weights/{bias.path}"], bias)
    bias.assign(bias + 1)
    assert not np.array_equal(protected.weights[f"weights/{bias.path}"], bias), "a copy"
