"""What a recipe may hold, before there are data or an encoder."""

import pydantic
import pytest

from mtl_keras.recipes.schema import STAGE_KEYS, STAGE_ONLY, RecipeSchema

TASKS = {"topic": {"files": {"train": "a.csv"}}, "tone": {"files": {"train": "b.csv"}}}


def _schema(**training):
    return RecipeSchema.model_validate({"encoder": "minilm", "tasks": TASKS, "training": training})


def test_a_stage_has_keys_of_its_own_and_those_of_training():
    assert {"freeze", "tasks"} == STAGE_ONLY
    assert {"epochs", "learning_rate", "protect"} <= STAGE_KEYS


def test_stages_or_the_name_of_a_plan_say_how_to_train():
    assert _schema(plan="gradual").training.build().name == "gradual"
    plan = _schema(epochs=2, stages=[{"freeze": "backbone"}, {"epochs": 3}]).training.build()
    assert [(str(stage.freeze), stage.epochs) for stage in plan.given] == [
        ("backbone", 2),
        ("none", 3),
    ]


def test_each_stage_has_a_place_in_the_recipe():
    stages = [{"freeze": "backbone"}, {"freeze": "none"}]
    assert _schema(stages=stages).training.places() == [
        ("training", "stages", 0),
        ("training", "stages", 1),
    ]
    assert _schema(plan="full").training.places() == [("training", "plan")]


BUDGET = {"plan": "full", "max_tokens": 512}


@pytest.mark.parametrize(
    ("training", "place", "message"),
    [
        ({}, ("training",), "Received: neither"),
        ({"plan": "gradul"}, ("training", "plan"), "; did you mean 'gradual'?"),
        ({"plan": "head_frozen:x"}, ("training", "plan"), "there is no task 'x'"),
        (BUDGET | {"batch_size": 8}, ("training", "max_tokens"), "both set the size of a batch"),
        (BUDGET | {"schedule": "joint"}, ("training", "max_tokens"), "joins the tasks' batches"),
        (BUDGET | {"steps_per_epoch": 9}, ("training", "max_tokens"), "counts all texts"),
        (
            BUDGET | {"protect": "gradient_projection"},
            ("training", "max_tokens"),
            "gradient_projection joins batches",
        ),
        (
            {"plan": "full", "combine": "pcgrad"},
            ("training", "combine"),
            "needs a batch of every task in each step; write schedule: joint",
        ),
        (
            {"stages": [{}, {"combine": "mgda"}]},
            ("training", "stages", 1, "combine"),
            "write schedule: joint",
        ),
        (
            {"plan": "full", "weighting": "famo"},
            ("training", "weighting"),
            "needs a loss of every task in each step; write schedule: joint",
        ),
        (
            {
                "stages": [{"protect": "gradient_projection"}],
                "schedule": "joint",
                "combine": "mgda",
            },
            ("training", "combine"),
            "combines gradients in its own way; keep one of the two",
        ),
        (
            {"plan": "full", "jit_compile": "auto", "deterministic": True},
            ("training", "jit_compile"),
            "auto depends on measured times",
        ),
        (
            {"plan": "full", "restore": "x"},
            ("training", "restore"),
            "restore must be mean, a task (topic, to",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_place(training, place, message):
    with pytest.raises(pydantic.ValidationError) as error:
        _schema(**training)
    [actual] = error.value.errors()
    assert actual["loc"] == place
    assert message in actual["msg"]


@pytest.mark.parametrize("schedule", ["round_robin", "proportional", "temperature:2", "annealed"])
def test_a_budget_of_tokens_goes_with_schedules_of_one_task_a_batch(schedule):
    assert str(_schema(**BUDGET, schedule=schedule).training.schedule) == schedule
