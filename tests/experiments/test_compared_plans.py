"""Which plans a comparison tries, and which trainings that takes."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.experiments.compared_plans import (
    ComparedPlan,
    Job,
    compared_plan,
    default_plans,
    needed_jobs,
)
from mtl_keras.recipes.recipe import load_recipe


@pytest.fixture
def recipe(tiny_recipe):
    return load_recipe(tiny_recipe)


def test_the_default_is_every_scenario(recipe):
    assert default_plans(recipe) == (
        "features",
        "static",
        "tfidf",
        "linear_probe",
        "head_frozen:topic",
        "head_frozen:entities",
        "lowest_half",
        "gradual",
        "full",
    )


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("features", None),
        ("static", None),
        ("tfidf", None),
        ("gradual", "gradual"),
        ("heads_then_top:1", "heads_then_top:1"),
        ("head_frozen:topic", "full"),
        ("stages", "full"),
    ],
)
def test_tasks_alone_train_by_the_same_plan_unless_it_speaks_of_others(recipe, name, alone):
    assert compared_plan(recipe, name).alone == alone


def test_the_recipes_own_stages_are_its_plan(recipe):
    assert compared_plan(recipe, "stages").training is recipe.plan
    assert compared_plan(recipe, "full").training.template == recipe.plan.as_template()
    assert compared_plan(recipe, "features") == ComparedPlan("features", None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gradul", "a training plan is one of .* or features, static, tfidf"),
        ("head_frozen:tone", "plan head_frozen:tone: there is no task 'tone'; there are topic, en"),
    ],
)
def test_what_is_no_plan_is_refused(recipe, name, said):
    with pytest.raises(InputError, match=said):
        compared_plan(recipe, name)


def test_plans_share_the_trainings_of_tasks_alone(recipe):
    plans = [compared_plan(recipe, name) for name in ("full", "head_frozen:topic", "features")]
    assert needed_jobs(plans, 1, ("topic", "entities")) == [
        Job("full", 0, ("topic", "entities")),
        Job("full", 0, ("topic",)),
        Job("full", 0, ("entities",)),
        Job("head_frozen:topic", 0, ("topic", "entities")),
        Job("features", 0, ("topic", "entities")),
    ]
    again = needed_jobs(plans, 2, ("topic", "entities"))[5:]
    assert [job.seed for job in again] == [1] * 4
    assert "features" not in [job.plan for job in again]  # no chance in it
    assert needed_jobs(plans[:1], 2, ("topic",)) == [
        *(Job("full", 0, ("topic",)), Job("full", 1, ("topic",)))
    ]


def test_a_job_has_a_file_and_a_folder_of_its_own():
    job = Job("head_frozen:topic", 2, ("topic", "tone"))
    assert job.folder == "runs/head_frozen-topic/seed-2/topic+tone"
    assert job.file == "runs/head_frozen-topic/seed-2/topic+tone.json"
    assert str(job) == "head_frozen:topic, seed 2, topic + tone"
