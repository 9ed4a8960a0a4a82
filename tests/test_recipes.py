"""Recipes: what is read, and what is said of mistakes."""

import subprocess
import sys

import pytest

from mtl_keras.errors import InputError
from mtl_keras.freezing import FreezePlan
from mtl_keras.recipes import bundled_recipes, load_recipe
from mtl_keras.schedules import Temperature
from mtl_keras.stages import LearningRates

RECIPE = """\
encoder: all-MiniLM-L6-v2
max_length: 64
tasks:
  topic:
    files: {train: news/train.tsv, test: [news/a.csv, news/b.csv]}
    columns:
      train: {text: 0, label: 1}
      test: {text: [1, 2], label: 0, label_names: {1: World, 2: Sports}}
  entities:
    kind: tagging
    files: {train: tweets/*.conll}
training:
  schedule: temperature:2
  loss_weights: {topic: 0.5}
  batch_size: 16
  stages:
    - {freeze: backbone, epochs: 3, learning_rate: {heads: 1e-3}}
    - {freeze: "top:2", learning_rate: {heads: 1.0e-4, backbone: 5.0e-5, decay: 0.9}}
"""


def _write(folder, text=RECIPE):
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_becomes_its_declarations(tmp_path):
    recipe = load_recipe(_write(tmp_path))
    topic, entities = recipe.tasks
    assert (topic.kind, entities.kind) == ("classification", "tagging")
    assert topic.files["test"] == ("news/a.csv", "news/b.csv")
    assert topic.columns["test"].text == (1, 2)
    assert topic.columns["test"].label_names == {"1": "World", "2": "Sports"}
    assert topic.columns["validation"] == topic.columns["train"]
    assert recipe.schedule == Temperature(2.0)
    assert (recipe.max_length, recipe.batch_size, recipe.seed) == (64, 16, 0)
    assert recipe.loss_weights == {"topic": 0.5}
    assert [stage.freeze for stage in recipe.stages] == [FreezePlan.backbone(), FreezePlan.top(2)]
    assert recipe.stages[0].learning_rate.heads == 1e-3
    assert recipe.stages[1].learning_rate == LearningRates(heads=1e-4, backbone=5e-5, decay=0.9)
    assert recipe.epochs == 4
    assert recipe.path == tmp_path / "recipe.yaml"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("schedule:", "schedul:", 13, "unknown key; did you mean 'schedule'?"),
        ("files: {train: n", "file: {train: n", 5, "did you mean 'files'?"),
        ("temperature:2", "proportionl", 13, "did you mean 'proportional'?"),
        ("epochs: 3", "epochs: x", 17, "valid integer"),
        ("epochs: 3", "epochs: 0", 17, "greater than or equal to 1"),
        ("heads: 1e-3", "head: 1e-3", 17, "did you mean 'heads'?"),
        ("heads: 1e-3", "heads: -1", 17, "learning rate heads: -1.0 is not a positive number"),
        ("heads: 1e-3", "heads: .nan", 17, "not a positive number"),
        ("decay: 0.9", "decay: 2", 18, "outside (0, 1]"),
        ("backbone, ", "head:tone, ", 17, "no task 'tone'; there are topic, entities"),
        ("top:2", "tip:2", 18, "a freeze plan is one of"),
        ("kind: tagging", "kind: taging", 10, "Received: 'taging'"),
        ("label: 1}", "lable: 1}", 7, "did you mean 'label'?"),
        ("encoder: all-MiniLM-L6-v2\n", "", 1, "encoder: this key is missing"),
        ("  entities:", "  Entities:", 9, "lower-case letters"),
        ("max_length: 64", "max_length: 2", 2, "greater than or equal to 3"),
        ("{topic: 0.5}", "{tone: 0.5}", 14, "no task 'tone'"),
        ("{topic: 0.5}", "{topic: 0}", 14, "greater than 0"),
        ("kind: tagging", "labels: [yes, no]", 10, "valid string. Received: True"),
        ("kind: tagging", "labels: [a, a]", 9, "a label is listed twice"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_cure(tmp_path, old, new, line, said):
    assert RECIPE.count(old) >= 1
    path = _write(tmp_path, RECIPE.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        load_recipe(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file_names_the_bundled_recipes(tmp_path):
    with pytest.raises(InputError, match=r"no such file; .* tickets"):
        load_recipe(tmp_path / "absent.yaml")


@pytest.mark.parametrize("name", sorted(bundled_recipes()))
def test_bundled_recipes_load_by_name_and_say_what_they_are(name):
    assert load_recipe(name).tasks
    assert bundled_recipes()[name].read_text(encoding="utf-8").startswith("# ")


def test_reading_a_recipe_does_not_load_tensorflow(tmp_path):
    program = (
        "import sys; from mtl_keras.recipes import load_recipe; load_recipe(sys.argv[1]); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, _write(tmp_path)], check=True)
