"""Two plans differ only if chance cannot explain the difference."""

import numpy as np
import pytest

from mtl_keras.experiments.differences import sharing_interval, with_differences

GENERATOR = np.random.default_rng(0)
HARD = GENERATOR.random(400)  # how hard each example is, for every plan


def runs(share: float, seeds: int = 3) -> list:
    """Contributions of trainings that answer about so many examples correctly."""
    noise = GENERATOR.normal(0, 0.02, (seeds, len(HARD)))
    right = (HARD + noise < share).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1).tolist()


def verdict(contributed: dict, seconds: dict, metric: str = "accuracy") -> dict:
    plans = {
        name: {
            "wall_seconds": seconds[name],
            "tasks": {"topic": {"mean": float(np.mean(of_plan, axis=(0, 1))[0])}},
        }
        for name, of_plan in contributed.items()
    }
    summary = {"tasks": {"topic": {"metric": metric}}, "plans": plans}
    by_task = {name: {"topic": of_plan} for name, of_plan in contributed.items()}
    return with_differences(summary, by_task)["tasks"]["topic"]["verdict"]


def test_a_plan_that_is_worse_by_more_than_chance_is_told_apart_and_others_are_not():
    contributed = {"full": runs(0.8), "gradual": runs(0.8), "features": runs(0.6, seeds=1)}
    actual = verdict(contributed, {"full": 9.0, "gradual": 5.0, "features": 1.0})
    assert sorted(actual["alike"]) == ["full", "gradual"]
    assert actual["cheapest"] == "gradual"
    assert actual["best"] in actual["alike"]
    low, high = actual["behind"]["features"].values()
    assert -0.27 < low < -0.2 < high < -0.13


def test_of_an_error_the_lowest_is_best():
    actual = verdict({"one": runs(0.2), "two": runs(0.6)}, {"one": 1.0, "two": 1.0}, "mae")
    assert actual["alike"] == ["one"]
    assert actual["behind"]["two"]["low"] > 0


def test_sharing_gains_if_the_interval_leaves_out_zero():
    gained = sharing_interval(runs(0.8), runs(0.7))
    assert 0 < gained["low"] < 0.1 < gained["high"]


def test_a_metric_that_is_never_defined_has_no_interval():
    nothing = np.zeros((2, 5, 2)).tolist()
    assert sharing_interval(nothing, nothing) == {"low": None, "high": None}


def test_a_plan_without_a_defined_score_is_left_out():
    summary = {
        "tasks": {"topic": {"metric": "span_f1"}},
        "plans": {"full": {"wall_seconds": 1.0, "tasks": {"topic": {"mean": None}}}},
    }
    actual = with_differences(summary, {"full": {"topic": np.zeros((1, 5, 2)).tolist()}})
    assert actual["tasks"]["topic"]["verdict"] is None


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_more_seeds_that_differ_widen_the_interval_beyond_that_of_the_examples(seeds):
    """Of seeds that differ by much, two means differ by chance."""
    shares = GENERATOR.uniform(0.5, 0.9, seeds)
    one = [runs(share, 1)[0] for share in shares]
    interval = sharing_interval(one, runs(float(shares.mean()), 1))
    assert interval["low"] < 0 < interval["high"]
