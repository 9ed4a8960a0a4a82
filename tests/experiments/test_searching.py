"""A search for the cheapest plan: it leaves a recipe that trains as the plan it found."""

from dataclasses import replace

import pytest

from mtl_keras.data.own_blocks import OwnBlocks
from mtl_keras.errors import InputError
from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.searching import search
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets


@pytest.mark.slow
@pytest.mark.parametrize("cost", ["training", "latency"])
def test_the_recipe_found_is_that_of_the_cheapest_plan_near_the_best(tiny_recipe, tmp_path, cost):
    text = tiny_recipe.read_text()
    tiny_recipe.write_text(text[: text.index("  stages:")] + "  plan: full\n  epochs: 2\n")
    lines = []
    folder = tmp_path / "search"
    settings = {"within": 5.0, "cost": cost, "budget": Budget(epochs=500)}  # on a busy machine too
    record = search(load_recipe(tiny_recipe), folder, **settings, report=lines.append)
    chosen = record["results"][record["chosen"]]
    best = max(result["score"] for result in record["results"])
    assert chosen["score"] >= best - 0.05
    measure = "latency_ms" if cost == "latency" else "training_seconds"
    near = [result for result in record["results"] if result["score"] >= best - 0.05]
    assert chosen[measure] == min(result[measure] for result in near)
    assert record["chosen"] in record["front"]
    assert {row["epochs"] for row in record["results"]} <= {0, 2}
    assert len(lines) == len(record["tried"])
    actual = load_recipe(folder / "recipe.yaml")
    model = build_model(actual, open_datasets(actual))
    assert len(model.encoder.layer_groups) - 1 == chosen["blocks"]
    stages = actual.plan.stages(list(model.layer_groups))
    assert stages[0].solve
    assert len(stages) == 1 + (chosen["frozen"] < chosen["blocks"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"within": -1.0}, "0 or more. Received: -1.0"),
        ({"within": float("nan")}, "0 or more. Received: nan"),
        (
            {"budget": Budget(epochs=0)},
            "no candidate fits a budget of 0 epochs; set a larger",
        ),
        ({"cost": "memory"}, "one of training, latency. Received: 'memory'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tiny_recipe, tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        search(load_recipe(tiny_recipe), tmp_path / "search", **settings)
    assert not (tmp_path / "search").exists()


def test_own_blocks_are_not_searched(tiny_recipe, tmp_path):
    recipe = load_recipe(tiny_recipe)
    tasks = (recipe.tasks[0].with_own_blocks(OwnBlocks(1)), *recipe.tasks[1:])
    with pytest.raises(InputError, match="own_blocks, and let compare try the plans own:<k>"):
        search(replace(recipe, tasks=tasks), tmp_path / "search")


@pytest.mark.slow
def test_a_budget_that_holds_no_candidate_is_refused(tiny_recipe, tmp_path):
    budget = Budget(minutes=1e-3)
    with pytest.raises(InputError, match="within a budget of 0 s"):
        search(load_recipe(tiny_recipe), tmp_path / "s", budget=budget, report=lambda line: None)
