"""Recipes: what is read, and what is said of mistakes."""

import subprocess
import sys

import pytest

from mtl_keras.errors import InputError
from mtl_keras.freezing import FreezePlan
from mtl_keras.protection import Distillation
from mtl_keras.recipes import bundled_recipes, load_recipe
from mtl_keras.schedules import Temperature
from mtl_keras.stages import LearningRates, RateSchedule

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
    assert [stage.freeze for stage in recipe.plan.given] == [
        FreezePlan.backbone(),
        FreezePlan.top(2),
    ]
    assert recipe.plan.given[0].learning_rate.heads == 1e-3
    assert recipe.plan.given[1].learning_rate == LearningRates(heads=1e-4, backbone=5e-5, decay=0.9)
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
        ("  entities:", "  mean:", 9, "stands for the mean of all tasks"),
        ("max_length: 64", "max_length: 2", 2, "greater than or equal to 3"),
        ("{topic: 0.5}", "{tone: 0.5}", 14, "no task 'tone'"),
        ("{topic: 0.5}", "{topic: 0}", 14, "greater than 0"),
        ("kind: tagging", "labels: [yes, no]", 10, "valid string. Received: True"),
        ("kind: tagging", "labels: [a, a]", 9, "a label is listed twice"),
        ("batch_size: 16", "plan: full", 12, "Received: both"),
        ("batch_size: 16", "watch: topic_f1", 15, "there are mean, loss, topic_accuracy"),
        ("batch_size: 16", "restore: tone", 15, "no task 'tone'"),
        ("batch_size: 16", "patience: 0", 15, "greater than or equal to 1"),
        ("batch_size: 16", "weight_decay: -1", 15, "greater than or equal to 0"),
        ("batch_size: 16", "freeze_when_done: true", 17, "needs patience"),
        ("epochs: 3", "watch: tone", 17, "no metric 'tone'"),
        ("epochs: 3", "tasks: [tone]", 17, "no task 'tone'; there are topic, entities"),
        ("epochs: 3", "protect: {by: prayer}", 17, "by is one of gradient_projection,"),
        ("epochs: 3", "protect: {by: distillation, t: 2}", 17, "it has weight, temperature"),
        ("epochs: 3", "protect: {by: distillation, weight: -1}", 17, "not a positive number"),
        ("backbone, ", "[backbone, head:tone], ", 17, "no task 'tone'"),
        ("heads: 1e-3", "schedule: cosin", 17, "constant, linear, cosine"),
        ("heads: 1e-3", "groups: {block_0: .nan}", 17, "learning rate block_0: nan"),
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


PLAN = (
    RECIPE[: RECIPE.index("  stages:")]
    + """\
  plan: gradual
  epochs: 9
  learning_rate: {heads: 1e-3, groups: {block_0-2: 1e-6}, schedule: cosine, warmup: 0.1}
  weight_decay: 0.05
"""
)


def test_a_named_plan_takes_the_settings_of_training(tmp_path):
    plan = load_recipe(_write(tmp_path, PLAN)).plan
    assert (plan.name, plan.template.epochs, plan.template.weight_decay) == ("gradual", 9, 0.05)
    rates = plan.template.learning_rate
    assert rates.groups == {"block_0-2": 1e-6}
    assert rates.schedule == RateSchedule(shape="cosine", warmup=0.1)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("gradul", "did you mean 'gradual'"),
        ("head_frozen:tone", "no task 'tone'; there are topic, entities"),
    ],
)
def test_a_mistaken_plan_is_told_with_its_line(tmp_path, plan, said):
    path = _write(tmp_path, PLAN.replace("gradual", plan))
    with pytest.raises(InputError, match=said) as error:
        load_recipe(path)
    assert str(error.value).startswith(f"{path}:16: ")


def test_stages_inherit_what_training_says(tmp_path):
    text = RECIPE.replace("batch_size: 16", "weight_decay: 0.3\n  patience: 4")
    text = text.replace("epochs: 3, ", "epochs: 3, patience: 1, ")
    first, second = load_recipe(_write(tmp_path, text)).plan.given
    assert (first.weight_decay, second.weight_decay) == (0.3, 0.3)
    assert (first.patience, second.patience) == (1, 4)


def test_a_stage_says_who_trains_and_who_is_protected(tmp_path):
    text = RECIPE.replace("epochs: 3", "tasks: [topic], protect: {by: distillation, weight: 2}")
    stage = load_recipe(_write(tmp_path, text)).plan.given[0]
    assert stage.tasks == ("topic",)
    assert stage.protect == Distillation(weight=2)


def test_a_list_freezes_what_any_of_its_rules_does(tmp_path):
    text = RECIPE.replace("freeze: backbone", "freeze: [embeddings, block_0-1, head:topic]")
    stage = load_recipe(_write(tmp_path, text)).plan.given[0]
    assert stage.freeze == FreezePlan("embeddings + block_0-1 + head:topic")
