"""Training plans: what the named ones expand to."""

import dataclasses

import pytest

from mtl_keras.errors import InputError
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import LearningRates, Stage
from mtl_keras.plans.training_plan import NAMED_PLANS, TrainingPlan

GROUPS = ["embeddings", *(f"block_{k}" for k in range(4)), "heads/topic", "heads/stars"]


def _freezes(name: str, **settings) -> list[tuple[str, int]]:
    stages = TrainingPlan(name, Stage(**settings)).stages(GROUPS)
    return [(str(stage.freeze), stage.epochs) for stage in stages]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("full", [("none", 3)]),
        ("linear_probe", [("backbone", 3)]),
        ("lp_ft", [("backbone", 1), ("none", 2)]),
        ("heads_then_top:2", [("backbone", 1), ("top:2", 2)]),
        ("lowest_half", [("lowest:2", 3)]),
        ("head_frozen:topic", [("backbone", 1), ("head:topic", 2)]),
    ],
)
def test_named_plans_whose_heads_are_trained(name, expected):
    assert _freezes(name, epochs=3, solve=False) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("full", [("none", 3)]),
        ("linear_probe", [("backbone", 1)]),
        ("lp_ft", [("backbone", 1), ("none", 3)]),
        ("heads_then_top:2", [("backbone", 1), ("top:2", 3)]),
        ("head_frozen:topic", [("backbone", 1), ("head:topic", 3)]),
        ("plateau", [("backbone", 1), ("top:1", 3), ("top:2", 3), ("top:3", 3), ("none", 3)]),
    ],
)
def test_heads_alone_are_solved_which_takes_no_epochs_of_the_plan(name, expected):
    stages = TrainingPlan(name, Stage(epochs=3)).stages(GROUPS)
    assert [(str(stage.freeze), stage.epochs) for stage in stages] == expected
    assert [bool(stage.solve) for stage in stages] == [
        str(stage.freeze) == "backbone" for stage in stages
    ]


def test_heads_are_not_solved_while_the_encoder_trains():
    plan = TrainingPlan("lowest_half", Stage(solve=True))
    with pytest.raises(InputError, match="but block_2, block_3 would train; freeze: backbone"):
        plan.stages(GROUPS)


def test_gradual_thaws_one_block_a_stage_from_the_top_down():
    frozen = [stage.frozen(GROUPS) for stage in TrainingPlan("gradual").stages(GROUPS)]
    assert frozen == [tuple(GROUPS[:k]) for k in (5, 4, 3, 2, 0)]


def test_gradual_divides_the_epochs_and_gives_every_stage_one():
    assert [epochs for _, epochs in _freezes("gradual", epochs=7)] == [1, 2, 2, 2, 1]
    assert [epochs for _, epochs in _freezes("gradual", epochs=2)] == [1] * 5
    trained = _freezes("gradual", epochs=7, solve=False)
    assert [epochs for _, epochs in trained] == [2, 2, 1, 1, 1]


def test_plateau_ends_a_stage_by_patience():
    template = Stage(epochs=9, watch="stars_accuracy", solve=False)
    stages = TrainingPlan("plateau", template).stages(GROUPS)
    assert {(stage.patience, stage.epochs, stage.watch) for stage in stages} == {
        (2, 9, "stars_accuracy")
    }
    assert TrainingPlan("plateau", Stage(patience=4)).stages(GROUPS)[1].patience == 4


def test_lp_ft_tunes_everything_at_the_low_rate():
    rates = LearningRates(heads=1e-3, backbone=1e-5)
    probe, tune = TrainingPlan("lp_ft", Stage(learning_rate=rates)).stages(GROUPS)
    assert (probe.learning_rate.heads, tune.learning_rate.heads) == (1e-3, 1e-5)


def test_a_frozen_head_gets_no_batches():
    probe, tune = TrainingPlan("head_frozen:topic").stages(GROUPS)
    assert probe.tasks == ()
    assert tune.tasks == ("stars",)
    assert TrainingPlan("head_frozen:topic").tasks == ("topic",)


@pytest.mark.parametrize(
    "name",
    [
        *("gradul", "heads_then_top", "heads_then_top:x", "heads_then_top:²", "", "stage"),
        *("stages", "heads_then_top:" + "9" * 5000),
    ],
)
def test_an_unknown_plan_is_refused_with_the_known_ones(name):
    with pytest.raises(InputError, match="lp_ft"):
        TrainingPlan(name)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (TrainingPlan("heads_then_top:9"), "the encoder has 4 blocks"),
        (TrainingPlan("head_frozen:tone"), "no task 'tone'; there are topic, stars"),
        (TrainingPlan.of([Stage(freeze=FreezePlan("block_7"))]), "no layer group 'block_7'"),
        (
            TrainingPlan.of([Stage(learning_rate=LearningRates(groups={"block_3-4": 1e-5}))]),
            "no layer group 'block_3-4'",
        ),
        (
            TrainingPlan.of([Stage(freeze=FreezePlan.top(1)), Stage(freeze=FreezePlan.top(1))]),
            "stage 2 thaws and freezes nothing",
        ),
    ],
)
def test_a_plan_that_does_not_fit_the_model_is_refused(plan, message):
    with pytest.raises(InputError, match=message):
        plan.stages(GROUPS)


def test_a_plan_has_a_stage():
    with pytest.raises(InputError, match="or a list of stages"):
        TrainingPlan.of([])


def test_an_error_begins_with_the_place_in_the_recipe():
    stages = [Stage(), Stage(freeze=FreezePlan("top:9"))]
    plan = dataclasses.replace(TrainingPlan.of(stages), places=("a:1", "a:2"))
    with pytest.raises(InputError, match=r"^a:2: freeze 'top:9'"):
        plan.stages(GROUPS)
    plan = TrainingPlan("heads_then_top:9", places=("a:1",))
    with pytest.raises(InputError, match=r"^a:1: freeze 'top:9'"):
        plan.stages(GROUPS)


def test_a_single_task_has_no_other_head_to_train():
    with pytest.raises(InputError, match="no other task"):
        TrainingPlan("head_frozen:topic").stages(GROUPS[:-1])


def test_the_template_of_given_stages_is_the_last_with_all_epochs():
    last = Stage(freeze=FreezePlan.top(1), epochs=2, learning_rate=LearningRates(heads=1.0))
    template = TrainingPlan.of([Stage(epochs=3), last]).as_template()
    assert template == dataclasses.replace(last, freeze=FreezePlan.none(), epochs=5)


@pytest.mark.parametrize("name", [name for name in NAMED_PLANS if "<" not in name])
def test_every_named_plan_expands(name):
    assert TrainingPlan(name).stages(GROUPS)
