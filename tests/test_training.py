"""Training a recipe: stages, history, and what carries over."""

import json

import keras
import pytest

from mtl_keras.recipes import load_recipe
from mtl_keras.training import open_datasets, plan_table, train


def test_the_history_tells_every_stage(trained):
    first, second = json.loads((trained / "history.json").read_text())["stages"]
    assert (first["freeze"], second["freeze"]) == ("backbone", "none")
    assert [row["trains"] for row in first["groups"]] == [False, False, False, True, True]
    assert all(row["trains"] for row in second["groups"])
    assert len(second["history"]["val_topic_accuracy"]) == 2
    assert second["learning_rates"]["embeddings"] == pytest.approx(1e-2 * 0.9**2)
    assert second["history"]["loss"][-1] < first["history"]["loss"][0]


def test_the_run_records_tasks_and_counts(trained):
    record = json.loads((trained / "run.json").read_text())
    assert record["tasks"]["topic"]["labels"] == ["x", "y"]
    assert record["examples"]["topic"]["test"] == 12
    assert set(record["versions"]) == {"tensorflow", "keras"}


def test_everything_frozen_is_legal_and_said(tiny_recipe, tmp_path):
    text = tiny_recipe.read_text()
    start = text.index("    - {freeze: backbone")
    tiny_recipe.write_text(text[:start] + "    - {freeze: all}\n")
    said = []
    run = train(load_recipe(tiny_recipe), tmp_path / "run", report=said.append, verbose=0)
    assert said == ["stage 1 of 1: freeze all, epochs 1, everything is frozen: nothing will learn"]
    assert run.read_json("metrics.json")["test"]["topic"]["examples"] == 12


def test_callbacks_are_called_in_every_stage(tiny_recipe, tmp_path):
    epochs = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    text = tiny_recipe.read_text().replace("batch_size: 8", "schedule: joint\n  batch_size: 8")
    tiny_recipe.write_text(text)
    recipe = load_recipe(tiny_recipe)
    train(recipe, tmp_path / "run", report=lambda line: None, verbose=0, callbacks=[callback])
    assert epochs == [0, 1, 2]


def test_the_plan_table_has_a_rate_or_nothing_for_every_stage(tiny_recipe, tiny_model):
    table = plan_table(tiny_model(), load_recipe(tiny_recipe).plan.given)
    by_group = {row["group"]: row["stages"] for row in table}
    assert by_group["block_1"] == [None, pytest.approx(1e-2)]
    assert by_group["heads/entities"] == [pytest.approx(1e-2), pytest.approx(2e-2)]


def test_datasets_share_the_recipes_folder(tiny_recipe):
    datasets = open_datasets(load_recipe(tiny_recipe))
    assert datasets["topic"].counts["train"] + datasets["topic"].counts["validation"] == 200
