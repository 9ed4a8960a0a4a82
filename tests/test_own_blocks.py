"""Own blocks from a recipe to a SavedModel."""

import json

import numpy as np
import pytest
import yaml

import mtl_keras as mtl
from mtl_keras.cli.main import main
from mtl_keras.errors import InputError
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.runs.run import HISTORY
from mtl_keras.serving.saved_model import SavedModel
from mtl_keras.training.train_recipe import train

TEXTS = ["aaa bcd efg", "bcd efg", "gfe"]


@pytest.fixture
def own_recipe(tiny_recipe):
    text = tiny_recipe.read_text().replace("kind: tagging", "kind: tagging\n    own_blocks: 1")
    tiny_recipe.write_text(text)
    return tiny_recipe


@pytest.mark.slow
def test_a_recipe_trains_proves_resumes_and_exports_branches(own_recipe, tmp_path, capsys):
    text = own_recipe.read_text()
    at = text.index("  stages:")
    frozen = "{freeze: lowest:1, epochs: 2, learning_rate: {backbone: 1.0e-3}}"
    own_recipe.write_text(f"{text[:at]}  stages:\n    - {{freeze: backbone, solve: true}}\n"
                          f"    - {frozen}\n")  # fmt: skip
    run = train(load_recipe(own_recipe), tmp_path / "run", verbose=0)
    solved, trained = json.loads((run.folder / HISTORY).read_text())["stages"]
    moved = {row["group"] for row in trained["proof"] if row["weights_changed"]}
    assert moved == {"block_1", "block_1@entities", "heads/topic", "heads/entities"}
    assert {row["group"] for row in solved["proof"] if row["weights_changed"]} == {
        "heads/topic",
        "heads/entities",
    }
    model = run.model()
    expected = mtl.answer(model, TEXTS)
    export = mtl.publish(run, tmp_path / "export")
    for served, answered in zip(SavedModel(export)(TEXTS), expected, strict=True):
        assert served["entities"] == answered["entities"]
        assert served["topic"]["score"] == pytest.approx(answered["topic"]["score"], abs=1e-5)
    assert main(["inspect", str(run.folder)]) == 0
    assert "block_1@entities" in capsys.readouterr().out
    assert main(["inspect", str(own_recipe), "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)["forecast"]
    assert costs[1]["flops_per_step"] > 0


@pytest.mark.slow
def test_a_run_starts_with_the_own_blocks_of_another(own_recipe, tmp_path):
    run = train(load_recipe(own_recipe), tmp_path / "run", verbose=0)
    text = own_recipe.read_text()
    own_recipe.write_text(f"{text}  start_from: {run.folder}\n")
    recipe = load_recipe(own_recipe)
    models = run.model(), build_model(recipe, open_datasets(recipe))
    weights = ({weight.path: weight.numpy() for weight in model.weights} for model in models)
    for before, after in zip(*(sorted(of.items()) for of in weights), strict=True):
        np.testing.assert_array_equal(before[1], after[1], err_msg=before[0])
    own_recipe.write_text(own_recipe.read_text().replace("    own_blocks: 1\n", ""))
    recipe = load_recipe(own_recipe)
    with pytest.raises(InputError, match="has blocks of its own: none; in the run: block_1@ent"):
        build_model(recipe, open_datasets(recipe))


def test_a_group_with_an_unknown_task_is_named_with_its_place(own_recipe):
    text = own_recipe.read_text()
    own_recipe.write_text(text.replace("own_blocks: 1", "own_blocks: {k: 1, with: [topics]}"))
    with pytest.raises(InputError, match=r"recipe.yaml:\d+: tasks: task 'entities': own_blocks: "
                       "there is no task 'topics'"):  # fmt: skip
        load_recipe(own_recipe)
    own_recipe.write_text(text.replace("own_blocks: 1", "own_blocks: {k: 0}"))
    with pytest.raises(InputError, match=r"recipe.yaml:\d+: tasks.entities.own_blocks: .*from 1"):
        load_recipe(own_recipe)


def test_it_is_written_as_it_was_read(own_recipe):
    recipe = load_recipe(own_recipe)
    again = mtl.Recipe.from_dict(yaml.safe_load(recipe.to_yaml()), folder=own_recipe.parent)
    assert [task.own_blocks for task in again.tasks] == [task.own_blocks for task in recipe.tasks]
