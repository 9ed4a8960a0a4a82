"""What trains when: a rate, or nothing, for every group and stage."""

import pytest

from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.plan_table import effort_of, plan_grid, plan_table
from mtl_keras.plans.stage import LearningRates, Stage

STAGES = [
    Stage(freeze=FreezePlan.backbone(), learning_rate=LearningRates(heads=0.01)),
    Stage(epochs=2, learning_rate=LearningRates(heads=0.02, backbone=0.01, decay=0.5)),
]


@pytest.mark.slow
def test_the_table_has_a_rate_or_nothing_for_every_stage(tiny_model):
    by_group = {row["group"]: row["stages"] for row in plan_table(tiny_model(), STAGES)}
    assert by_group == {
        "embeddings": [None, 0.0025],
        "block_0": [None, 0.005],
        "block_1": [None, 0.01],
        "heads/topic": [0.01, 0.02],
        "heads/entities": [0.01, 0.02],
    }


def test_the_heads_of_idle_tasks_have_no_rate(tiny_model):
    rows = plan_table(tiny_model(), [Stage(tasks=("topic",))])
    assert {row["group"]: row["stages"][0] for row in rows}["heads/entities"] is None


def test_the_grid_is_the_table_a_stage_at_a_time(tiny_model):
    model = tiny_model()
    grid = plan_grid(model, STAGES)
    assert grid["groups"] == list(model.layer_groups)
    assert sum(grid["parameters"]) == model.count_params()
    assert [stage["epochs"] for stage in grid["stages"]] == [1, 2]
    assert [stage["freeze"] for stage in grid["stages"]] == ["backbone", "none"]
    assert grid["stages"][1]["rates"] == pytest.approx([0.0025, 0.005, 0.01, 0.02, 0.02])
    assert plan_grid(model, STAGES, epochs=[4, 5])["stages"][1]["epochs"] == 5


@pytest.mark.slow
def test_a_stage_whose_heads_are_solved_is_called_so(tiny_model):
    solved = Stage(freeze=FreezePlan.backbone(), solve=True)
    grid = plan_grid(tiny_model(), [solved, *STAGES])
    assert [effort_of(stage) for stage in grid["stages"]] == ["solved", "1", "2"]


def test_a_grid_that_does_not_say_so_has_epochs():
    assert effort_of({"epochs": 3}) == "3"
