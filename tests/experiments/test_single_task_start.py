"""The best single-task model, from which plans begin that keep its head frozen."""

import numpy as np
import pytest

from mtl_keras.errors import WorkError
from mtl_keras.experiments import single_task_start
from mtl_keras.experiments.compared_plans import Job, compared_plan
from mtl_keras.experiments.job_recipe import recipe_of
from mtl_keras.experiments.single_task_start import SingleTaskStart
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.runs.run import Run

ALONE, TOGETHER = Job("full", 0, ("topic",)), Job("head_frozen:topic", 0, ("topic", "entities"))


@pytest.fixture
def comparison(tmp_path):
    return Run(tmp_path / "comparison")


@pytest.fixture
def built(tiny_recipe):
    """Makes the model of a job, and its datasets."""

    def build(job):
        recipe = recipe_of(load_recipe(tiny_recipe), job)
        datasets = open_datasets(recipe)
        return build_model(recipe, datasets), datasets

    return build


def test_the_shared_model_gets_encoder_and_head_of_the_best_and_nothing_else(
    comparison, built, monkeypatch
):
    (comparison.folder / ALONE.start_folder("topic")).mkdir(parents=True)
    model, datasets = built(ALONE)
    for plan, accuracy, shift in (("gradual", 0.6, 1.0), ("full", 0.7, 2.0), ("top", 0.5, 3.0)):
        for weight in model.weights:
            weight.assign(np.full(weight.shape, shift, np.float32))
        monkeypatch.setattr(
            single_task_start, "evaluate", lambda *_, accuracy=accuracy: {"accuracy": accuracy}
        )
        SingleTaskStart(comparison, Job(plan, 0, ("topic",)), None).offer(model, datasets)
    shared, _ = built(TOGETHER)
    before = shared.layer_groups["heads/entities"][0].get_weights()
    assert SingleTaskStart(comparison, TOGETHER, "topic").begin(shared) == "full"
    for group in ("embeddings", "block_0", "block_1", "heads/topic"):
        for layer in shared.layer_groups[group]:
            assert all((weight == 2.0).all() for weight in layer.get_weights())
    after = shared.layer_groups["heads/entities"][0].get_weights()
    assert all(map(np.array_equal, before, after))


def test_tasks_own_blocks_begin_as_those_of_the_single_task_model(comparison, built, tiny_recipe):
    (comparison.folder / ALONE.start_folder("topic")).mkdir(parents=True)
    model, datasets = built(ALONE)
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 2.0, np.float32))
    SingleTaskStart(comparison, ALONE, None).offer(model, datasets)
    recipe = compared_plan(load_recipe(tiny_recipe), "own:1").reading(load_recipe(tiny_recipe))
    shared = build_model(recipe, open_datasets(recipe))
    SingleTaskStart(comparison, TOGETHER, "topic").begin(shared)
    for group in ("block_0", "block_1@topic", "block_1@entities", "heads/topic"):
        for layer in shared.layer_groups[group]:
            assert all((weight == 2.0).all() for weight in layer.get_weights()), group


def test_nothing_is_kept_unless_a_plan_waits_for_it(comparison, built):
    model, datasets = built(ALONE)
    SingleTaskStart(comparison, ALONE, None).offer(model, datasets)
    assert not comparison.folder.exists()
    assert SingleTaskStart(comparison, ALONE, None).begin(model) is None


def test_a_model_that_is_gone_is_named(comparison, built):
    with pytest.raises(WorkError, match="best/seed-0/topic: the single-task model is missing"):
        SingleTaskStart(comparison, TOGETHER, "topic").begin(None)
