"""Rules: each can win, the first wins, and what is said to change the plan does."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies

from mtl_keras.data.levels import check_level
from mtl_keras.data.schedules import parse_schedule
from mtl_keras.experiments.advice_rules import (
    EPOCH_RULES,
    LEVEL_OF_SOLVED,
    LEVEL_OF_TRAINED,
    PLAN_RULES,
    SCHEDULE_RULES,
    SOLVED,
)
from mtl_keras.experiments.matching import Measures, first_match, turning_points
from mtl_keras.plans.training_plan import TrainingPlan

TABLES = (PLAN_RULES, SCHEDULE_RULES, EPOCH_RULES)
MEASURES = strategies.builds(
    Measures,
    tagging_tasks=strategies.integers(0, 2),
    smallest_task=strategies.integers(1, 20_000),
    size_ratio=strategies.floats(1, 100),
    smallest_validation=strategies.integers(1, 1000),
)
ONE = Measures(tagging_tasks=0, smallest_task=500, size_ratio=1.0, smallest_validation=50)


def test_what_is_recommended_is_what_recipes_take():
    for rule in PLAN_RULES:
        TrainingPlan(rule.recommendation)
    for rule in SCHEDULE_RULES:
        parse_schedule(rule.recommendation)
    for rule in EPOCH_RULES:
        assert int(rule.recommendation) > 0
    for rule in (LEVEL_OF_SOLVED, LEVEL_OF_TRAINED):
        check_level("task", rule.recommendation)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_ends_with_a_rule_for_anything_else(table):
    assert [rule.bounds == () for rule in table] == [False] * (len(table) - 1) + [True]
    assert table[-1].condition == "anything else"
    assert len({rule.name for rule in table}) == len(table)
    assert all(rule.reason and rule.source for rule in table)


@hypothesis.given(MEASURES)
def test_the_first_rule_that_applies_wins(measures):
    for table in TABLES:
        chosen = table.index(first_match(table, measures))
        assert table[chosen].applies(measures)
        assert not any(rule.applies(measures) for rule in table[:chosen])


@hypothesis.given(MEASURES)
def test_annealing_is_not_recommended_where_epochs_are_not_known(measures):
    plan, schedule, epochs = (first_match(table, measures).recommendation for table in TABLES)
    if plan == "plateau":
        assert schedule == "temperature:5"
        assert epochs == "5"


@hypothesis.given(MEASURES)
def test_behind_a_turning_point_the_plan_is_the_one_said(measures):
    chosen = first_match(PLAN_RULES, measures)
    for bound, other in turning_points(PLAN_RULES, measures):
        assert not bound.holds(measures)
        assert bound.holds(bound.move(measures))
        assert first_match(PLAN_RULES, bound.move(measures)) is other
        assert other.recommendation != chosen.recommendation


@hypothesis.given(MEASURES, strategies.integers(1, 20_000))
def test_before_the_turning_points_the_plan_stays(measures, size):
    bounds = [bound for bound, _ in turning_points(PLAN_RULES, measures)]
    moved = dataclasses.replace(measures, smallest_task=size)
    if any(bound.holds(moved) for bound in bounds if bound.measure == "smallest_task"):
        return
    expected = first_match(PLAN_RULES, measures).recommendation
    assert first_match(PLAN_RULES, moved).recommendation == expected


def test_turning_points_of_a_small_task():
    actual = {str(bound): rule.recommendation for bound, rule in turning_points(PLAN_RULES, ONE)}
    assert actual == {
        "1,000 examples of the smallest task or more": "lowest_half",
        "fewer than 200 examples of the smallest task": SOLVED,
        "a task that labels words": SOLVED,
    }
