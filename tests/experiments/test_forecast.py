import dataclasses
import itertools
import math
import random
from dataclasses import dataclass
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_same_weights
from support.tiny import of_one_task, write_tiny_recipe

from mtl_keras import FreezePlan, Stage, load_recipe
from mtl_keras.experiments import forecast as forecast_module
from mtl_keras.experiments.forecast import StageForecast, TimedPasses, forecast, table
from mtl_keras.experiments.step_costs import StepCosts
from mtl_keras.plans.protection import GradientProjection
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_batches import StageBatches
from mtl_keras.training.step_timing import Timing

BACKBONE = Stage(freeze=FreezePlan.backbone())
PROJECTED = Stage(tasks=("topic",), protect=GradientProjection())
STAGES = (
    BACKBONE,
    Stage(epochs=2),
    PROJECTED,
    dataclasses.replace(BACKBONE, epochs=3, patience=1),
)


@dataclass
class Observed:
    """What was forecast, of what, and what the forecast did."""

    materials: Materials
    forecasts: list[StageForecast]
    timed: list[int]
    draws: list[tuple]
    weights: list[list[np.ndarray]]


@pytest.fixture(scope="module")
def observed(tiny_bert, tmp_path_factory) -> Observed:
    folder = tmp_path_factory.mktemp("forecast")
    recipe = load_recipe(write_tiny_recipe(folder, tiny_bert))
    recipe = dataclasses.replace(recipe, plan=TrainingPlan.of(STAGES), cache=False)
    datasets = open_datasets(recipe)
    model = build_model(recipe, datasets)
    timed, of = [], Timing.of

    def counting(function, epoch, flops, count, **settings):
        timed.append(count)
        return of(function, epoch, flops, count, **settings)

    weights = [model.get_weights()]
    keras.utils.set_random_seed(1)
    draws = [_draws()]
    keras.utils.set_random_seed(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Timing, "of", counting)
        forecasts = forecast(recipe, datasets, model)
    draws.append(_draws())
    weights.append(model.get_weights())
    return Observed(Materials.of(recipe, datasets, model), forecasts, timed, draws, weights)


def _shapes(materials: Materials, stage: Stage) -> list[tuple[int, int]]:
    model = materials.model
    FreezePlan.of(stage.frozen(list(model.layer_groups))).apply(model)
    batches = StageBatches(materials, stage).training()
    return [tuple(x["token_ids"].shape) for x, _, _ in batches]


def _costs(materials: Materials, stage: Stage) -> StepCosts:
    model = materials.model
    frozen = stage.frozen(list(model.layer_groups))
    return StepCosts(config=model.encoder.config, tasks=tuple(model.tasks.values()), frozen=frozen)


def _draws() -> tuple:
    return random.random(), np.random.random(), float(tf.random.uniform(()))


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "backwards"), [(STAGES[0], 1), (STAGES[1], 1), (PROJECTED, 2)])
def test_steps_operations_and_memory_are_those_of_the_batches(observed, stage, backwards):
    actual = observed.forecasts[STAGES.index(stage)]
    sizes = {name: dataset.counts["train"] for name, dataset in observed.materials.datasets.items()}
    tasks = stage.trained_tasks(tuple(sizes))
    costs, shapes = _costs(observed.materials, stage), _shapes(observed.materials, stage)
    flops = [
        costs.forward_flops(shape) + backwards * costs.backward_flops(shape) for shape in shapes
    ]
    assert actual.steps == stage.epochs * sum(math.ceil(sizes[name] / 8) for name in tasks)
    assert actual.flops_per_step == pytest.approx(np.mean(flops))
    assert actual.activation_memory_bytes == max(map(costs.activation_bytes, shapes))
    assert (actual.freeze, actual.epochs) == (str(stage.freeze), stage.epochs)
    assert 0 < actual.steps * actual.step_seconds < actual.seconds


def test_state_is_weights_gradients_and_two_moments(observed):
    for stage, one in zip(STAGES, observed.forecasts, strict=True):
        model = observed.materials.model
        rows = FreezePlan.of(stage.frozen(list(model.layer_groups))).apply(model)
        weights = 4 * sum(row.parameters for row in rows)
        trained = 4 * sum(row.parameters for row in rows if row.trains)
        counters = one.state_bytes - weights - 3 * trained
        assert 0 < counters <= 20 * len(rows), "a step count and a rate a layer"


def test_what_trains_lower_has_more_operations(observed):
    heads, everything = observed.forecasts[:2]
    for cost in ("flops_per_step", "activation_memory_bytes", "state_bytes"):
        assert getattr(heads, cost) < getattr(everything, cost), cost


def test_equal_stages_are_timed_once(observed):
    first, *_, last = observed.forecasts
    assert observed.timed == [10, 5] * 3, "three kinds of stage, each with its validation"
    assert last.steps == 3 * first.steps
    assert last.step_seconds == first.step_seconds
    assert (first.at_most, last.at_most) == (False, True)


@pytest.mark.slow
def test_what_is_cached_is_not_counted_in_a_step(tiny_recipe):
    stage = dataclasses.replace(BACKBONE, epochs=2)
    tiny_recipe.write_text(of_one_task(tiny_recipe))
    recipe = dataclasses.replace(load_recipe(tiny_recipe), plan=TrainingPlan.of([stage]))
    datasets = open_datasets(recipe)
    materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
    (actual,) = forecast(recipe, datasets, materials.model)
    costs = dataclasses.replace(
        _costs(materials, stage), cached=("embeddings", "block_0", "block_1")
    )
    shapes = _shapes(materials, stage)
    flops = [costs.forward_flops(shape) + costs.backward_flops(shape) for shape in shapes]
    assert actual.flops_per_step == pytest.approx(np.mean(flops))
    assert materials.model.level is None


def test_nothing_of_the_training_is_touched(observed):
    assert_same_weights(*observed.weights)
    assert observed.draws[0] == observed.draws[1]


def test_of_many_passes_over_the_texts_a_few_are_run_and_all_are_forecast(monkeypatch):
    ran, clock = [], itertools.count(step=2)
    monkeypatch.setattr(forecast_module, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    passes = TimedPasses()
    passes(lambda numbers: ran.append(int(numbers[0])), [np.array([n]) for n in range(20)])
    assert ran == [16, 0, 4, 8, 12, 16], "the first traces the graph"
    assert passes.seconds == 2 + 20 * 2
    passes(lambda numbers: None, [np.array([0])] * 3)
    assert passes.seconds == 2 + 20 * 2 + 2 + 3 * 2


def test_table():
    stage = StageForecast(
        freeze="top:2",
        epochs=3,
        at_most=True,
        steps=1234,
        flops_per_step=12.34e9,
        activation_memory_bytes=345_600_000,
        state_bytes=90_400_000,
        step_seconds=0.0456,
        seconds=90.0,
    )
    longer = dataclasses.replace(stage, at_most=False, seconds=7500.0)
    rows = table([stage, longer])
    assert rows[0] == {
        "stage": "1",
        "freeze": "top:2",
        "steps": "≤ 1,234",
        "GFLOP/step": "12.3",
        "activations": "346 MB",
        "state": "90 MB",
        "step": "46 ms",
        "time": "≤ 90.0 s",
    }
    assert (rows[1]["steps"], rows[1]["time"]) == ("1,234", "2 h 5 min")
