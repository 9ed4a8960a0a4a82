"""Training a recipe: stages, history, and what carries over."""

import json

import keras
import pytest

from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.models.prediction import answer
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.run import Run
from mtl_keras.training.train_recipe import make_reproducible, train


def test_the_history_tells_every_stage(trained):
    first, second = json.loads((trained / "history.json").read_text())["stages"]
    assert (first["freeze"], second["freeze"]) == ("backbone", "none")
    assert [row["trains"] for row in first["groups"]] == [False, False, False, True, True]
    assert all(row["trains"] for row in second["groups"])
    assert len(second["history"]["val_topic_accuracy"]) == 2
    assert second["learning_rates"]["embeddings"] == pytest.approx(1e-2 * 0.9**2)
    assert second["history"]["loss"][-1] < first["history"]["loss"][0]


@pytest.mark.slow
def test_everything_frozen_is_legal_and_said(tiny_recipe, tmp_path):
    text = tiny_recipe.read_text()
    start = text.index("    - {freeze: backbone")
    tiny_recipe.write_text(text[:start] + "    - {freeze: all}\n")
    lines = []
    run = train(load_recipe(tiny_recipe), tmp_path / "run", report=lines.append, verbose=0)
    assert lines == ["stage 1 of 1: freeze all, epochs 1, everything is frozen: nothing will learn"]
    assert run.read_json("metrics.json")["test"]["topic"]["examples"] == 12


def test_every_stage_is_proved(trained):
    first, second = json.loads((trained / "history.json").read_text())["stages"]
    moved = {row["group"]: row["weights_changed"] for row in first["proof"]}
    assert moved == {
        "embeddings": False,
        "block_0": False,
        "block_1": False,
        "heads/topic": True,
        "heads/entities": True,
    }
    assert all(row["weights_changed"] and row["slots_changed"] for row in second["proof"])


def test_the_run_ends_with_the_best_weights_of_the_mean(trained):
    history = json.loads((trained / "history.json").read_text())
    names = ("val_topic_accuracy", "val_entities_span_f1")
    topic, entities = (
        [value for stage in history["stages"] for value in stage["history"][name]] for name in names
    )
    means = [(a + b) / 2 for a, b in zip(topic, entities, strict=True)]
    assert history["best"]["mean"]["epoch"] == 1 + means.index(max(means))
    metrics = json.loads((trained / "metrics.json").read_text())["validation"]
    kept = (metrics["topic"]["accuracy"] + metrics["entities"]["span_f1"]) / 2
    assert kept == pytest.approx(max(means), abs=1e-6)


def test_each_tasks_best_weights_can_be_had(trained):
    run = Run.open(trained)
    best = run.model(best="topic")
    dataset = open_datasets(run.recipe)["topic"]
    best_score = json.loads((trained / "history.json").read_text())["best"]["topic"]["score"]
    assert evaluate(best, dataset, "validation")["accuracy"] == pytest.approx(best_score, abs=1e-6)
    with pytest.raises(
        InputError, match="no best weights of 'tone'; there are entities, mean, topic"
    ):
        run.model(best="tone")


@pytest.mark.slow
@pytest.mark.parametrize("protect", ["gradient_projection", "{by: distillation}"])
def test_a_task_that_stands_aside_is_frozen_protected_and_measured(tiny_recipe, tmp_path, protect):
    text = tiny_recipe.read_text()
    start = text.index("    - {freeze: backbone")
    stage = (
        f"    - {{tasks: [entities], protect: {protect}, learning_rate: {{backbone: 1.0e-2}}}}\n"
    )
    tiny_recipe.write_text(text[:start] + stage)
    lines = []
    run = train(load_recipe(tiny_recipe), tmp_path / "run", report=lines.append, verbose=0)
    (stage,) = run.read_json("history.json")["stages"]
    proof = {row["group"]: row for row in stage["proof"]}
    assert proof["heads/topic"]["frozen"]
    assert not proof["heads/topic"]["weights_changed"]
    assert list(stage["drift"]) == ["topic"]
    assert 0 < stage["drift"]["topic"]["cka"] < 1
    assert "tasks entities" in lines[0]


@pytest.mark.slow
def test_free_labels_of_words_are_learnt_from_a_file_and_kept(tiny_recipe, tmp_path):
    text = tiny_recipe.read_text().replace("kind: tagging", "kind: token_labels")
    tiny_recipe.write_text(f"{text}    - {{tasks: [topic], protect: {{by: distillation}}}}\n")
    run = train(load_recipe(tiny_recipe), tmp_path / "run", report=lambda line: None, verbose=0)
    assert run.tasks["entities"].labels == ("B-A", "O")
    stages = run.read_json("history.json")["stages"]
    assert len(stages[1]["history"]["val_entities_accuracy"]) == 2
    assert stages[2]["drift"]["entities"]["metric"] == "accuracy"
    metrics = run.read_json("metrics.json")["test"]["entities"]
    assert [*metrics] == ["examples", "accuracy", "macro_f1", "ece", "loss", "low", "high"]
    assert metrics["accuracy"] > 0.9  # of the words 7 in 8 are `O`
    assert metrics["macro_f1"] > 0.6
    (answers,) = answer(run.model(), ["aaa bcd. efg"])
    assert [word["text"] for word in answers["entities"]] == ["aaa", "bcd", ".", "efg"]


@pytest.mark.slow
def test_a_head_that_is_done_is_measured_while_the_encoder_moves_on(tiny_recipe, tmp_path):
    text = tiny_recipe.read_text()
    start = text.index("    - {freeze: backbone")
    stage = (
        "    - {epochs: 12, patience: 1, freeze_when_done: true,"
        " learning_rate: {heads: 2.0e-2, backbone: 1.0e-2}}\n"
    )
    tiny_recipe.write_text(text[:start] + stage)
    run = train(load_recipe(tiny_recipe), tmp_path / "run", report=lambda line: None, verbose=0)
    history = run.read_json("history.json")
    (stage,) = history["stages"]
    first, *_ = stage["done"]
    assert first in stage["drift"]
    assert set(history["drift"]) == set(stage["done"])


@pytest.mark.slow
def test_a_plateau_ends_its_stages_early_and_callbacks_are_called_in_each(tiny_recipe, tmp_path):
    epochs = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    text = tiny_recipe.read_text()
    start = text.index("  stages:")
    tiny_recipe.write_text(
        text[:start] + "  plan: plateau\n  epochs: 9\n  patience: 1\n  restore: null\n"
        "  schedule: joint\n  learning_rate: {heads: 1.0e-6, backbone: 1.0e-6}\n"
    )
    run = train(
        load_recipe(tiny_recipe),
        tmp_path / "run",
        report=lambda line: None,
        verbose=0,
        callbacks=[callback],
    )
    stages = run.read_json("history.json")["stages"]
    assert [stage["freeze"] for stage in stages] == ["backbone", "top:1", "none"]
    assert [len(stage["history"]["loss"]) for stage in stages] == [1, 1, 1]
    assert epochs == [0, 1, 2]


def test_a_deterministic_recipe_runs_deterministic_operations_alone(tiny_recipe, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "tensorflow.config.experimental.enable_op_determinism", lambda: asked.append(True)
    )
    make_reproducible(load_recipe(tiny_recipe))
    assert not asked
    text = tiny_recipe.read_text().replace("batch_size: 8", "deterministic: true\n  batch_size: 8")
    tiny_recipe.write_text(text)
    make_reproducible(load_recipe(tiny_recipe))
    assert asked


def test_datasets_share_the_recipes_folder(tiny_recipe):
    datasets = open_datasets(load_recipe(tiny_recipe))
    assert datasets["topic"].counts["train"] + datasets["topic"].counts["validation"] == 200
