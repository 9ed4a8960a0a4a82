"""A job's recipe says nothing of other tasks, and has the rates that were chosen."""

import dataclasses

import pytest

from mtl_keras.experiments.compared_plans import Job
from mtl_keras.experiments.job_recipe import recipe_of
from mtl_keras.plans.stage import LearningRates
from mtl_keras.recipes.recipe import load_recipe


@pytest.fixture
def recipe(tiny_recipe):
    text = tiny_recipe.read_text()
    tiny_recipe.write_text(
        text[: text.index("  stages:")] + "  plan: full\n  watch: topic_accuracy\n"
        "  restore: topic\n  loss_weights: {topic: 2}\n"
        "  learning_rate: {heads: 1.0e-3, groups: {heads/topic: 1.0e-2, block_0: 1.0e-4}}\n"
    )
    return load_recipe(tiny_recipe)


def test_what_it_says_of_other_tasks_is_left_out(recipe):
    alone = recipe_of(recipe, Job("full", 5, ("entities",)))
    assert [task.name for task in alone.tasks] == ["entities"]
    assert (alone.seed, alone.restore, alone.loss_weights) == (5, "mean", {})
    template = alone.plan.template
    assert template.watch == "mean"
    assert template.learning_rate.groups == {"block_0": 1e-4}


def test_chosen_rates_replace_those_that_nobody_gave(recipe):
    chosen = {"heads": 5e-3, "backbone": 2e-4, "decay": 0.8}
    rates = recipe_of(recipe, Job("full", 0, ("topic",)), chosen).plan.template.learning_rate
    assert (rates.heads, rates.backbone, rates.decay) == (1e-3, 2e-4, 0.8)


def test_a_default_that_the_recipe_writes_is_kept_and_one_in_python_is_free(recipe):
    assert recipe.plan.free_rates == ("backbone", "decay")
    assert LearningRates(heads=1e-3).free == ("heads", "backbone", "decay")
    assert LearningRates(heads=2e-3).free == ("backbone", "decay")


def test_written_rates_stay_written_in_another_file(recipe, tmp_path):
    recipe = dataclasses.replace(recipe, written=None)
    path = tmp_path / "again.yaml"
    path.write_text(recipe.to_yaml())
    assert load_recipe(path).plan.free_rates == ("backbone", "decay")
