"""Means over seeds, and what sharing gained."""

import pytest
from support.tiny import write_tiny_recipe

from mtl_keras.experiments.compared_plans import Job, compared_plan, needed_jobs
from mtl_keras.experiments.comparison_summary import spread, summarize
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import open_datasets

TASKS = ("topic", "entities")


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    return load_recipe(write_tiny_recipe(tmp_path_factory.mktemp("summary"), tiny_bert))


@pytest.fixture(scope="module")
def summary(recipe):
    """Of two plans over two seeds; the score of a run is made up of its seed and its tasks."""
    plans = [compared_plan(recipe, name) for name in ("full", "features")]
    results = {job: _result(job) for job in needed_jobs(plans, 2, TASKS)}
    return summarize(recipe, open_datasets(recipe, read_all=True), plans, 2, results)


def _result(job: Job) -> dict:
    score = 0.5 + 0.1 * job.seed + 0.2 * (len(job.tasks) - 1)
    more = {"low": score - 0.1, "high": score + 0.1, "ece": score / 10}
    metrics = {"topic": {"accuracy": score} | more, "entities": {"span_f1": score}}
    drift = {"metric": "accuracy", "metric_before": 0.4 + 0.2 * job.seed, "cka": None}
    return {
        "split": "test",
        "metrics": {task: metrics[task] for task in job.tasks},
        "contributed": {task: [[score, 1.0]] * 4 for task in job.tasks},
        "trainable_parameters": 7,
        "step_seconds": None if job.plan == "features" else 1.0 + job.seed,
        "wall_seconds": 2.0,
        "peak_memory_bytes": 3,
        "best_epoch": 1 + job.seed,
        "begins_with": None,
        "drift": {} if job.plan == "features" else {"topic": drift},
        "grid": {"groups": [], "stages": []},
        "curves": {} if job.plan == "features" else {task: [score] for task in job.tasks},
    }


def test_it_says_what_was_compared(summary, recipe):
    assert summary["encoder"] == recipe.encoder
    assert (summary["title"], summary["seeds"], summary["split"]) == ("recipe", [0, 1], "test")
    assert summary["tasks"]["topic"]["examples"]["test"] == 12
    assert list(summary["plans"]) == ["full", "features"]


def test_a_task_alone_is_beside_the_shared_one(summary):
    topic = summary["plans"]["full"]["tasks"]["topic"]
    assert topic["values"] == pytest.approx([0.7, 0.8])
    assert topic["single"]["values"] == pytest.approx([0.5, 0.6])
    assert topic["sharing"] == pytest.approx(0.2)
    assert topic["sharing_interval"]["low"] <= 0.2 <= topic["sharing_interval"]["high"]
    assert summary["plans"]["features"]["tasks"]["topic"]["single"] is None


def test_each_task_has_a_verdict(summary):
    verdict = summary["tasks"]["topic"]["verdict"]
    assert verdict["best"] == "full"
    assert list(verdict["behind"]) == ["features"]


def test_costs_and_drift_are_means_over_the_seeds(summary):
    full, features = summary["plans"]["full"], summary["plans"]["features"]
    assert full["step_seconds"] == 1.5
    assert features["step_seconds"] is None
    assert full["drift"]["topic"] == {
        "metric": "accuracy",
        "metric_before": pytest.approx(0.5),
        "cka": None,
    }
    assert full["curves"]["topic"] == [[pytest.approx(0.7)], [pytest.approx(0.8)]]
    assert features["curves"] == {}


def test_a_plan_without_chance_is_run_once_and_has_the_examples_interval(summary):
    full, features = (summary["plans"][name]["tasks"]["topic"] for name in ("full", "features"))
    assert features["values"] == pytest.approx([0.7])
    assert features["interval"] is None
    assert (features["low"], features["high"]) == pytest.approx((0.6, 0.8))
    assert full["interval"] > 0
    assert (full["low"], full["high"]) == (None, None)


def test_calibration_is_a_mean_over_the_seeds(summary):
    tasks = summary["plans"]["full"]["tasks"]
    assert tasks["topic"]["ece"] == pytest.approx(0.075)
    assert tasks["entities"]["ece"] is None  # of a run that measured none


def test_two_seeds_have_a_t_interval():
    actual = spread([0.5, 0.7])
    assert actual["mean"] == pytest.approx(0.6)
    assert actual["interval"] == pytest.approx(12.706 * 0.141421 / 2**0.5, rel=1e-4)


def test_an_undefined_value_is_in_no_mean():
    assert spread([None, 0.5]) == {"values": [None, 0.5], "mean": 0.5, "interval": None}
    assert spread([None, None])["mean"] is None
