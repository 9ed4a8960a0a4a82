"""Short trainings from the same start."""

import dataclasses

import numpy as np
import pytest

from mtl_keras.experiments.trials import Trials, shortened
from mtl_keras.plans.stage import LearningRates, Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets


@pytest.fixture
def model_and_trials(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    datasets = open_datasets(recipe)
    model = build_model(recipe, datasets)
    return model, Trials(recipe, datasets, model, judged=["entities"])


@pytest.mark.slow
def test_each_trial_begins_where_the_first_did(model_and_trials):
    model, trials = model_and_trials
    plan = TrainingPlan("full", Stage(learning_rate=LearningRates(backbone=1e-2)))
    scores, weights = [], []
    for rates in ({}, {"heads": 0.5}, {}):
        scores.append(trials.run(plan.choosing(rates), 1).score)
        weights.append([weight.numpy() for weight in model.weights])
    assert scores[2] == scores[0]
    assert 0 <= scores[0] <= 1
    assert all(map(np.array_equal, weights[0], weights[2]))
    assert not all(map(np.array_equal, weights[0], weights[1]))


@pytest.mark.slow
def test_a_trial_that_diverges_has_no_score(model_and_trials):
    _, trials = model_and_trials
    rates = LearningRates(heads=1e30, backbone=1e30)
    assert trials.run(TrainingPlan("full", Stage(learning_rate=rates)), 1).score is None


@pytest.mark.parametrize("epochs", [1, 2, 3, 12])
def test_epochs_are_shared_out_as_the_plan_does(epochs):
    stages = [Stage(solve=True), Stage(freeze="top:1", epochs=1), Stage(freeze="none", epochs=2)]
    shares = shortened(stages, epochs, lambda stage: 300)
    assert shares[0] == stages[0]
    steps = [stage.epochs * (stage.steps_per_epoch or 300) for stage in shares[1:]]
    np.testing.assert_allclose(steps, [100 * epochs, 200 * epochs])
    whole = [dataclasses.replace(stage, epochs=1, steps_per_epoch=None) for stage in shares]
    assert whole == [dataclasses.replace(stage, epochs=1) for stage in stages]


def test_steps_that_are_not_known_make_whole_epochs():
    stages = [Stage(epochs=2), Stage(freeze="top:1", epochs=1)]
    assert [stage.epochs for stage in shortened(stages, 1, lambda stage: 0)] == [1, 1]


def test_nothing_ends_a_trial_early():
    (stage,) = shortened([Stage(patience=1, freeze_when_done=True)], 1, lambda stage: 9)
    assert (stage.patience, stage.freeze_when_done) == (None, False)
