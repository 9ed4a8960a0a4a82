"""A search tries candidates within its budget and chooses by validation scores."""

import pytest

from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.rate_search import choose_rates, most_candidates
from mtl_keras.experiments.trials import Trial
from mtl_keras.plans.stage import LearningRates, Stage
from mtl_keras.plans.training_plan import TrainingPlan

FULL = TrainingPlan("full")


def _run(best=1e-4, seconds=10.0):
    """Trials whose score is best at a rate of the backbone, and the epochs of each."""
    ran = []

    def run(plan, epochs):
        backbone = plan.template.learning_rate.backbone
        ran.append((backbone, epochs))
        return Trial(score=-abs(backbone - best), seconds=seconds)

    return run, ran


def test_the_best_candidate_is_chosen_and_the_cost_is_counted():
    run, ran = _run()
    record = choose_rates(FULL, Budget(epochs=3), run)
    assert [epochs for _, epochs in ran] == [1, 1, 1]
    assert ran[0][0] == LearningRates.backbone  # the defaults are a candidate
    assert record["chosen"] == record["candidates"][1]["rates"]
    assert record["chosen"]["backbone"] == 1e-4
    assert (record["epochs"], record["seconds"], record["budget"]) == (3, 30.0, "3 epochs")


@pytest.mark.parametrize("epochs", range(40))
def test_a_search_stays_within_its_budget_and_the_best_third_trains_longer(epochs):
    run, ran = _run()
    record = choose_rates(FULL, Budget(epochs=epochs), run)
    assert record["epochs"] <= epochs
    longer = [rate for rate, length in ran if length == 3]
    count = most_candidates(epochs)
    assert len(longer) == (count // 3 if count >= 6 else 0)
    if longer:
        shorter = sorted((rate for rate, length in ran if length == 1), key=lambda r: abs(r - 1e-4))
        assert set(longer) == set(shorter[: len(longer)])


@pytest.mark.parametrize("budget", [Budget(epochs=0), Budget(epochs=1)])
def test_a_budget_for_one_candidate_searches_nothing(budget):
    run, ran = _run()
    record = choose_rates(FULL, budget, run)
    assert (ran, record["chosen"], record["epochs"]) == ([], {}, 0)


def test_minutes_end_before_a_trial_that_would_not_fit():
    run, ran = _run(seconds=25.0)
    record = choose_rates(FULL, Budget(minutes=1.9), run)
    assert len(ran) == 4  # 100 of 114 seconds
    assert record["seconds"] == 100.0


def test_rates_that_the_recipe_gives_are_kept():
    given = LearningRates(heads=LearningRates.heads, backbone=3e-4, fixed=["heads"])
    run, _ = _run()
    plan = TrainingPlan("full", Stage(learning_rate=given))
    record = choose_rates(plan, Budget(epochs=5), run)
    assert {name for tried in record["candidates"] for name in tried["rates"]} == {"decay"}


def test_an_interrupted_search_runs_what_is_left_and_ends_as_another():
    run, ran = _run()
    saved = []
    whole = choose_rates(FULL, Budget(epochs=12), run, save=lambda record: saved.append(record))
    assert saved[0]["chosen"] is None
    ran.clear()
    again = choose_rates(FULL, Budget(epochs=12), run, tried=whole["candidates"][:4])
    assert again == whole
    assert len(ran) == len(whole["candidates"]) - 4


def test_a_candidate_that_diverges_is_never_chosen():
    def run(plan, epochs):
        is_default = plan.template.learning_rate.backbone == LearningRates.backbone
        return Trial(score=None if is_default else -1e9, seconds=1.0)

    assert choose_rates(FULL, Budget(epochs=2), run)["chosen"] != {}
