"""Freeze plans over layer groups."""

import pytest
from IPython.core.formatters import HTMLFormatter

from mtl_keras.errors import InputError
from mtl_keras.plans.freeze_plan import FreezePlan, named_groups, trainability

GROUPS = ["embeddings", "block_0", "block_1", "block_2", "heads/topic", "heads/stars"]


@pytest.mark.parametrize(
    ("plan", "frozen"),
    [
        (FreezePlan.none(), []),
        (FreezePlan.all(), GROUPS),
        (FreezePlan.backbone(), GROUPS[:4]),
        (FreezePlan.trunk(), GROUPS[:4]),
        (FreezePlan.head("stars"), ["heads/stars"]),
        (FreezePlan.lowest(0), GROUPS[:1]),
        (FreezePlan.lowest(2), GROUPS[:3]),
        (FreezePlan.lowest(3), GROUPS[:4]),
        (FreezePlan.top(0), GROUPS[:4]),
        (FreezePlan.top(1), GROUPS[:3]),
        (FreezePlan.top(3), GROUPS[:1]),
        (FreezePlan.head("topic") | FreezePlan.head("stars"), GROUPS[4:]),
        (FreezePlan.lowest(1) | FreezePlan.head("stars"), [*GROUPS[:2], "heads/stars"]),
        (FreezePlan.of(["heads/topic", "block_1", "embeddings"]), [GROUPS[k] for k in (0, 2, 4)]),
        (FreezePlan("block_0-1 + head:topic"), [GROUPS[k] for k in (1, 2, 4)]),
        (FreezePlan.of([]), []),
    ],
    ids=lambda value: getattr(value, "rule", ""),
)
def test_presets_freeze_what_they_say(plan, frozen):
    assert plan.frozen(GROUPS) == tuple(frozen)


@pytest.mark.parametrize(
    ("plan", "rule"),
    [
        (FreezePlan.none(), "none"),
        (FreezePlan.all(), "all"),
        (FreezePlan.backbone(), "backbone"),
        (FreezePlan.head("topic"), "head:topic"),
        (FreezePlan.lowest(2), "lowest:2"),
        (FreezePlan.top(1), "top:1"),
        (FreezePlan.of(["heads/topic", "block_0-1"]), "heads/topic + block_0-1"),
    ],
)
def test_a_plan_prints_as_its_rule_and_is_read_back_from_it(plan, rule):
    assert str(plan) == rule
    assert FreezePlan(rule) == plan


@pytest.mark.parametrize("name", ["block_3", "block_1-4", "heads/tone"])
def test_a_missing_group_is_refused_with_the_groups_there_are(name):
    with pytest.raises(InputError, match=f"no layer group '{name}'; there are embeddings, block_0"):
        FreezePlan(name).frozen(GROUPS)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match=r"'block_2-1' runs backwards; write block_1-2"):
        FreezePlan("embeddings + block_2-1")


@pytest.mark.parametrize("name", ["block-2", "block_a-b", "block_0-²", "-"])
def test_what_is_no_name_of_a_group_is_refused(name):
    with pytest.raises(InputError, match=f"no layer group '{name}'"):
        named_groups(name, GROUPS)


def test_plans_are_values_that_print_and_join():
    plan = FreezePlan.lowest(2) | FreezePlan.head("topic") | FreezePlan.lowest(2)
    assert plan == FreezePlan("lowest:2 + head:topic")
    assert f"{plan}" == "lowest:2 + head:topic"
    assert plan.tasks == ("topic",)


@pytest.mark.parametrize(
    "rule",
    [
        "tip:2",
        "top",
        "top:-1",
        "lowest:x",
        "head:",
        "",
        "ALL",
        "none + ",
        "block_x",
        "top:" + "9" * 5000,
    ],
)
def test_an_unknown_rule_is_refused_with_the_known_ones(rule):
    with pytest.raises(
        InputError, match="none, all, backbone, trunk, head:<task>, lowest:<k>, top:<k>"
    ):
        FreezePlan(rule)


def test_a_missing_head_is_refused_with_the_heads_there_are():
    with pytest.raises(InputError, match="no task 'tone'; there are topic, stars"):
        FreezePlan.head("tone").frozen(GROUPS)


def test_too_many_blocks_are_refused_with_their_number():
    with pytest.raises(InputError, match=r"'lowest:99': the encoder has 3 blocks; .* 0 to 3"):
        FreezePlan.lowest(99).frozen(GROUPS)


def test_apply_freezes_and_thaws(tiny_model):
    model = tiny_model()
    FreezePlan.all().apply(model)
    assert not model.trainable_variables
    FreezePlan.lowest(1).apply(model)
    states = {row.group: row.trains for row in trainability(model)}
    assert states == {
        "embeddings": False,
        "block_0": False,
        "block_1": True,
        "heads/topic": True,
        "heads/entities": True,
    }


def test_the_table_prints_and_shows_in_a_notebook(tiny_model):
    table = FreezePlan.lowest(1).apply(tiny_model())
    lines = str(table).splitlines()
    assert [line.split()[0] for line in lines[2:]] == [row.group for row in table]
    assert [line.split()[-1] for line in lines[2:]] == ["frozen"] * 2 + ["trains"] * 3
    assert HTMLFormatter()(table).count("<tr>") == 1 + len(table)


def test_the_table_counts_every_weight(tiny_model):
    model = tiny_model()
    assert sum(row.parameters for row in trainability(model)) == model.count_params()
