"""Learning rates by group, and stages."""

import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import LearningRates, RateSchedule, Stage, check_sequence, watchable

GROUPS = ["embeddings", "block_0", "block_1", "heads/topic"]


def test_decay_falls_from_the_top_block_to_the_embeddings():
    rates = LearningRates(heads=1.0, backbone=0.8, decay=0.5).by_group(GROUPS)
    assert rates == {"embeddings": 0.2, "block_0": 0.4, "block_1": 0.8, "heads/topic": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": {"block_0": -1.0}},
        {"groups": {"block-0": 1.0}},
        {"groups": {"block_3-0": 1.0}},
        {"groups": {"block_0": float("inf")}},
        {"heads": 0.0},
        {"backbone": -1e-5},
        {"heads": float("nan")},
        {"decay": 0.0},
        {"decay": 1.1},
        {"decay": "0.9"},
        {"heads": "1e-3"},
        {"backbone": None},
        {"heads": True},
        {"groups": {"block_0": "fast"}},
    ],
)
def test_rates_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        LearningRates(**wrong)


def test_a_stage_has_epochs():
    with pytest.raises(InputError, match=r"at least 1 epoch\. Received: 0"):
        Stage(epochs=0)


def test_groups_and_ranges_have_rates_of_their_own():
    rates = LearningRates(heads=1.0, backbone=0.5, groups={"block_0-1": 0.1, "heads/topic": 2.0})
    assert rates.by_group(GROUPS) == {
        "embeddings": 0.5,
        "block_0": 0.1,
        "block_1": 0.1,
        "heads/topic": 2.0,
    }


def test_a_rate_for_a_missing_group_is_refused_with_the_groups_there_are():
    with pytest.raises(InputError, match="no layer group 'block_9'; there are embeddings"):
        LearningRates(groups={"block_9": 1e-5}).by_group(GROUPS)


def test_rates_of_frozen_groups_are_warned_of_by_name():
    rates = LearningRates(groups={"block_0-1": 1e-5, "heads/topic": 1e-3})
    stage = Stage(freeze=FreezePlan.lowest(1), learning_rate=rates)
    (warning,) = stage.warnings(GROUPS)
    assert warning.endswith("have no effect: block_0")


def test_a_stages_own_rate_for_a_frozen_backbone_is_warned_of():
    for own, freeze, expected in [
        (("backbone",), "backbone", 1),
        (("backbone",), "top:0 + head:topic", 1),
        (("backbone",), "lowest:1", 0),
        (("heads",), "backbone", 0),
        ((), "backbone", 0),
    ]:
        rates = LearningRates(backbone=5e-5, own=own)
        warnings = Stage(freeze=FreezePlan(freeze), learning_rate=rates).warnings(GROUPS)
        assert len(warnings) == expected
        assert all(warning.endswith("have no effect: backbone") for warning in warnings)


def test_the_heads_of_idle_tasks_are_frozen():
    stage = Stage(tasks=("stars",))
    assert stage.frozen([*GROUPS, "heads/stars"]) == ("heads/topic",)
    assert stage.idle_tasks(["topic", "stars"]) == ("topic",)
    assert Stage().frozen(GROUPS) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patience": 0}, "at least 1 evaluation. Received: 0"),
        ({"patience": "2"}, "at least 1 evaluation. Received: '2'"),
        ({"epochs": "3"}, "at least 1 epoch. Received: '3'"),
        ({"epochs": 1.5}, "at least 1 epoch. Received: 1.5"),
        ({"epochs": True}, "at least 1 epoch. Received: True"),
        ({"epochs": None}, "at least 1 epoch. Received: None"),
        ({"steps_per_epoch": "9"}, "at least 1 step. Received: '9'"),
        ({"weight_decay": "0.1"}, "a finite number, 0 or more. Received: '0.1'"),
        ({"tasks": "topic"}, "tasks are a list of names. Received: 'topic'"),
        ({"freeze_when_done": True}, "needs patience"),
        ({"weight_decay": float("nan")}, "0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Stage(**wrong)


@pytest.mark.parametrize("wrong", [{"shape": "square"}, {"warmup": 1.0}, {"warmup": -0.1}])
def test_schedules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError, match=r"linear|share of the steps"):
        RateSchedule(**wrong)


def test_what_can_be_watched():
    tasks = [Task("topic"), Task("spans", kind="tagging"), Task("stars", kind="regression")]
    names = watchable(tasks)
    assert {"mean", "loss", "topic_accuracy", "spans_span_f1", "stars_mae"} < set(names)


def test_stages_that_change_something_are_a_sequence():
    check_sequence([Stage(), Stage(learning_rate=LearningRates(heads=1e-5)), Stage()])
    with pytest.raises(InputError, match=r"stage 3 thaws and freezes nothing .* epochs: 5"):
        check_sequence([Stage(freeze=FreezePlan.all()), Stage(epochs=2), Stage(epochs=3)])


def test_stages_are_compared_by_what_they_freeze_of_a_model():
    stages = [Stage(freeze=FreezePlan("backbone")), Stage(freeze=FreezePlan("top:0"))]
    check_sequence(stages)
    check_sequence([stages[0], Stage(freeze=FreezePlan("top:1"))], GROUPS)
    with pytest.raises(InputError, match="stage 2 thaws and freezes nothing"):
        check_sequence(stages, GROUPS)


def test_a_freeze_plan_may_be_given_by_its_rule():
    assert Stage(freeze="top:2").freeze == FreezePlan.top(2)
    with pytest.raises(InputError, match="a freeze plan is a string, 'top:2'"):
        Stage(freeze=2)


@pytest.mark.parametrize("warmup", ["0.1", 1.0, -0.1, float("nan"), True])
def test_a_warmup_that_is_no_share_is_refused(warmup):
    with pytest.raises(InputError, match="a share of the steps in"):
        RateSchedule(warmup=warmup)


def test_numbers_of_numpy_are_numbers():
    stage = Stage(epochs=np.int64(2), weight_decay=np.float32(0.1), tasks=["topic"])
    assert (type(stage.epochs), stage.epochs, stage.tasks) == (int, 2, ("topic",))
    rate = LearningRates(heads=np.float32(0.5)).heads
    assert (type(rate), rate) == (float, 0.5)
