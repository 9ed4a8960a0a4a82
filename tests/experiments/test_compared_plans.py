"""Which plans a comparison tries, and which trainings that takes."""

from dataclasses import replace

import pytest

from mtl_keras.errors import InputError
from mtl_keras.experiments.compared_plans import (
    ComparedPlan,
    Job,
    compared_plan,
    default_plans,
    needed_jobs,
)
from mtl_keras.plans.protection import Distillation
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
        "linear_probe@auto",
        "head_frozen:topic",
        "head_frozen:topic+gradient_projection",
        "head_frozen:topic+distillation",
        "head_frozen:topic+starting_weights",
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
        ("linear_probe@auto", "linear_probe@auto"),
        ("stages@block_0", "full@block_0"),
        ("own:1", "full"),
        ("head_frozen:topic+own:1", "full"),
    ],
)
def test_tasks_alone_train_by_the_same_plan_unless_it_speaks_of_others(recipe, name, alone):
    assert compared_plan(recipe, name).alone == alone


def test_the_recipes_own_stages_are_its_plan(recipe):
    stages = compared_plan(recipe, "stages").training.given
    assert [replace(stage, patience=None) for stage in stages] == list(recipe.plan.given)
    full = compared_plan(recipe, "full").training.template
    assert replace(full, patience=None) == recipe.plan.as_template()
    assert {stage.patience for stage in (*stages, full)} == {3}
    assert compared_plan(recipe, "features") == ComparedPlan("features", None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("head_frozen:topic+", "a remedy is one of gradient_projection, .* Received: ''"),
        ("head_frozen:topic+distilation", "a remedy is one of .* Received: 'distilation'"),
        ("gradul", "a training plan is one of .* or head_frozen:.*, features, static, tfidf"),
        ("full@top", "plan full@top: reads is last, block_<k>, mix or auto. Received: 'top'"),
        ("full@", "plan full@: reads is last, .* Received: ''"),
        ("tfidf@auto", "a level is given to plans that train every head; without it: tfidf"),
        ("head_frozen:topic@mix", "every head; without it: head_frozen:topic"),
        ("head_frozen:tone", "plan head_frozen:tone: there is no task 'tone'; there are topic, en"),
    ],
)
def test_what_is_no_plan_is_refused(recipe, name, message):
    with pytest.raises(InputError, match=message):
        compared_plan(recipe, name)


def test_a_frozen_head_begins_with_the_tasks_own_model_and_the_others_choose(recipe):
    plan = compared_plan(recipe, "head_frozen:topic+distillation")
    assert plan.protects == "topic"
    assert plan.judged(("topic", "entities")) == ("entities",)
    solved, trained = plan.training.given
    assert (str(solved.freeze), solved.solve, solved.tasks) == (
        *("backbone + head:topic", True),
        ("entities",),
    )
    assert (str(trained.freeze), trained.tasks) == ("head:topic", ("entities",))
    assert trained.protect == Distillation()


def test_a_plan_may_say_where_heads_read(recipe):
    assert compared_plan(recipe, "full").reading(recipe) == recipe
    plan = compared_plan(recipe, "full@block_0")
    assert plan.training == compared_plan(recipe, "full").training
    assert [task.reads for task in plan.reading(recipe).tasks] == ["block_0", "block_0"]
    tasks = tuple(task.at_level("auto") for task in recipe.tasks)
    assert "linear_probe@auto" not in default_plans(replace(recipe, tasks=tasks))


def test_own_blocks_are_a_plan_and_a_remedy(recipe):
    compared = compared_plan(recipe, "own:2")
    assert [task.own_blocks.k for task in compared.reading(recipe).tasks] == [2, 2]
    assert compared.training.name == "full"
    protecting = compared_plan(recipe, "head_frozen:topic+own:1")
    assert (protecting.protects, protecting.own_blocks) == ("topic", 1)
    assert [task.own_blocks and task.own_blocks.k for task in protecting.reading(recipe).tasks] == [
        None,
        1,
    ]
    groups = ["embeddings", "block_0", "block_1", "block_1@entities", "heads/topic",
              "heads/entities"]  # fmt: skip
    frozen = protecting.training.stages(groups)[-1].frozen(groups)
    assert frozen == ("embeddings", "block_0", "block_1", "heads/topic")
    for name in ("own:0", "own:", "own:1@auto", "head_frozen:topic+own:x"):
        with pytest.raises(InputError, match=r"own:|plan own:1@auto"):
            compared_plan(recipe, name)


def test_a_remedy_that_joins_batches_needs_a_batch_size(recipe):
    recipe = replace(recipe, batch_size=None, max_tokens=100)
    assert "head_frozen:topic+gradient_projection" not in default_plans(recipe)
    with pytest.raises(InputError, match="give the recipe batch_size"):
        compared_plan(recipe, "head_frozen:topic+gradient_projection")


def test_plans_share_the_trainings_of_tasks_alone(recipe):
    plans = [compared_plan(recipe, name) for name in ("full", "head_frozen:topic", "features")]
    assert needed_jobs(plans, 1, ("topic", "entities")) == [
        Job("full", 0, ("topic", "entities")),
        Job("full", 0, ("topic",)),
        Job("full", 0, ("entities",)),
        Job("features", 0, ("topic", "entities")),
        Job("head_frozen:topic", 0, ("topic", "entities")),  # begins with a model of one task
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
    assert job.search_file == "runs/head_frozen-topic/rates/topic+tone.json"
    assert job.start_folder("topic") == "runs/best/seed-2/topic"
    assert str(job) == "head_frozen:topic, seed 2, topic + tone"
