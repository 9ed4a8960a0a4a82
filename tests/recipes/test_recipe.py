"""Recipes: what is read, and what is said of mistakes."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from mtl_keras.data.schedules import Temperature
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.plans.combination import CAGrad
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.protection import Distillation, StartingWeights
from mtl_keras.plans.stage import LearningRates, RateSchedule, Stage
from mtl_keras.plans.weighting import DWA
from mtl_keras.recipes.overrides import parse_override
from mtl_keras.recipes.recipe import Recipe, bundled_recipes, load_recipe

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


def test_weights_that_a_recipe_insists_on(tmp_path):
    digest = "AB" * 32
    recipe = load_recipe(_write(tmp_path, f"sha256: {digest}\n{RECIPE}"))
    assert recipe.sha256 == digest
    with pytest.raises(InputError, match=r"recipe\.yaml:1: sha256"):
        load_recipe(_write(tmp_path, f"sha256: 12ab\n{RECIPE}"))


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
    ("old", "new", "unread"),
    [
        ("", "", True),
        ("steps_per_epoch: 9", "batch_size: 9", False),
        ("labels: [x, y]", "labels: []", False),
        ("validation: b.csv", "test: b.csv", False),
        ("round_robin", "proportional", False),
        ("tone: {labels: [x, y]", "tone: {kind: regression", False),  # its numbers have a scale
        ("round_robin", "joint", True),
        ("{freeze: none}", "{freeze: none, steps_per_epoch: null}", False),
    ],
)
def test_training_files_are_left_unread_where_the_recipe_tells_all(tmp_path, old, new, unread):
    text = """\
encoder: all-MiniLM-L6-v2
tasks:
  topic: {labels: [x, y], files: {train: a.csv, validation: b.csv}}
  tone: {labels: [x, y], files: {train: a.csv, validation: c.csv}}
training:
  schedule: round_robin
  steps_per_epoch: 9
  stages: [{freeze: backbone}, {freeze: none}]
"""
    recipe = load_recipe(_write(tmp_path, text.replace(old, new) if old else text))
    assert all(recipe.unread(task) == ("train",) for task in recipe.tasks) == unread


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("schedule:", "schedul:", 13, "unknown key; did you mean 'schedule'?"),
        ("files: {train: n", "file: {train: n", 5, "did you mean 'files'?"),
        ("temperature:2", "proportionl", 13, "did you mean 'proportional'?"),
        ("epochs: 3", "epochs: x", 17, "valid integer"),
        ("epochs: 3", "epochs: 0", 17, "greater than or equal to 1"),
        ("heads: 1e-3", "head: 1e-3", 17, "did you mean 'heads'?"),
        ("heads: 1e-3", "heads: -1", 17, "heads: -1.0 is not a positive, finite number"),
        ("heads: 1e-3", "heads: .nan", 17, "learning_rate.heads: expected a finite number"),
        ("decay: 0.9", "decay: 2", 18, "outside (0, 1]"),
        ("backbone, ", "head:tone, ", 17, "no task 'tone'; there are topic, entities"),
        ("top:2", "tip:2", 18, "a freeze plan is one of"),
        ("kind: tagging", "kind: taging", 10, "Received: 'taging'"),
        ("label: 1}", "lable: 1}", 7, "did you mean 'label'?"),
        ("encoder: all-MiniLM-L6-v2\n", "", 1, "encoder: this key is missing"),
        ("  entities:", "  Entities:", 9, "lower-case letters"),
        ("  entities:", "  mean:", 9, "stands for the mean of all tasks"),
        ("  entities:", "  read:", 9, "text was read whole; give the task another name"),
        ("max_length: 64", "max_length: 2", 2, "greater than or equal to 3"),
        ("{topic: 0.5}", "{tone: 0.5}", 14, "no task 'tone'"),
        ("{topic: 0.5}", "{topic: 0}", 14, "greater than 0"),
        ("kind: tagging", "labels: [yes, {a: 1}]", 10, "valid string. Received: {'a': 1}"),
        ("kind: tagging", "labels: [a, a]", 9, "a label is listed twice"),
        ("batch_size: 16", "plan: full", 12, "Received: both"),
        ("batch_size: 16", "watch: topic_f1", 15, "there are mean, loss, topic_accuracy"),
        (
            "batch_size: 16",
            "restore: tone",
            15,
            "restore must be mean, a task (topic, entities), or null",
        ),
        ("batch_size: 16", "patience: 0", 15, "greater than or equal to 1"),
        ("batch_size: 16", "weight_decay: -1", 15, "greater than or equal to 0"),
        ("batch_size: 16", "freeze_when_done: true", 17, "needs patience"),
        ("epochs: 3", "watch: tone", 17, "no metric 'tone'"),
        ("epochs: 3", "tasks: [tone]", 17, "no task 'tone'; there are topic, entities"),
        ("epochs: 3", "protect: {by: prayer}", 17, "by must be one of gradient_projection,"),
        ("epochs: 3", "protect: {by: distillation, t: 2}", 17, "key 't'; distillation has weight,"),
        ("epochs: 3", "protect: {by: distillation, weight: -1}", 17, "not a positive number"),
        ("backbone, ", "[backbone, head:tone], ", 17, "no task 'tone'"),
        ("heads: 1e-3", "schedule: cosin", 17, "constant, linear, cosine"),
        ("heads: 1e-3", "groups: {block_0: .nan}", 17, "groups.block_0: expected a finite number"),
        ("heads: 1e-3", "heads: .inf", 17, "learning_rate.heads: expected a finite number"),
        ("heads: 1e-3", "heads: true", 17, "heads: expected a finite number, such as 1.0e-3. Rec"),
        ("heads: 1e-3", "warmup: true", 17, "warmup: expected a finite number"),
        ("batch_size: 16", "weight_decay: .inf", 15, "weight_decay: expected a finite number"),
        ("{topic: 0.5}", "{topic: .inf}", 14, "loss_weights.topic: expected a finite number"),
        ("{topic: 0.5}", "{topic: 1.0e+39}", 14, "loss_weights.topic: expected a finite number"),
        ("{topic: 0.5}", "{topic: true}", 14, "loss_weights.topic: expected a finite number"),
        ("epochs: 3", "epochs: true", 17, "epochs: expected a whole number. Received: True"),
        ("epochs: 3", "patience: true", 17, "patience: expected a whole number. Received: True"),
        ("batch_size: 16", "batch_size: true", 15, "expected a whole number. Received: True"),
        ("batch_size: 16", "batch_size: 1.0e+20", 15, "less than or equal to 1048576"),
        ("batch_size: 16", "seed: 4294967296", 15, "less than or equal to 4294967295"),
        ("batch_size: 16", "patience: 9999999999", 15, "less than or equal to 2147483647"),
        ("batch_size: 16", "max_tokens: 0", 15, "greater than or equal to 1"),
        ("batch_size: 16", "batch_size: 8\n  max_tokens: 512", 16, "both set the size of a batch"),
        ("batch_size: 16", "jit_compile: maybe", 15, "true, false or auto. Received: 'maybe'"),
        ("batch_size: 16", "jit_compile: 1", 15, "true, false or auto. Received: 1"),
        (
            "batch_size: 16",
            "jit_compile: auto\n  deterministic: true",
            15,
            "with deterministic, set true or false",
        ),
        (
            "batch_size: 16",
            "max_tokens: 512\n  protect: gradient_projection",
            15,
            "max_tokens: protect: gradient_projection joins batches",
        ),
        ("max_length: 64", "max_length: 9999999999", 2, "less than or equal to 2147483647"),
        ("epochs: 3", "epochs: 9999999999", 17, "less than or equal to 2147483647"),
        ("{text: 0, label: 1}", "{text: true}", 7, "a name or a position from 0. Received: True"),
        ("{text: 0, label: 1}", "{label: 1.5}", 7, "a name or a position from 0. Received: 1.5"),
        ("{text: 0, label: 1}", "{text: a, label: a}", 7, "text and label are both column 'a'"),
        ("{train: tweets/*.conll}", "{train: []}", 11, "files.train: expected a path or a list of"),
        ("{train: tweets/*.conll}", "{train: 5}", 11, "files.train: expected a path or a list of"),
        ("{train: tweets/*.conll}", "x.conll", 11, "expected a mapping such as {train: train.csv}"),
        ("{heads: 1e-3}", "0.001", 17, "expected a mapping such as {heads: 1.0e-3}. Received: 0."),
        ("{heads: 1e-3}", "{groups: 1}", 17, "expected a mapping such as {block_0-3: 1.0e-6}"),
        ("{text: 0, label: 1}", "0", 7, "such as {text: 0,"),
        ("{topic: 0.5}", "0.5", 14, "expected a mapping such as {topic: 0.5}. Received: 0.5"),
        ("temperature:2", "[joint]", 13, "schedule must be one of round_robin, proportional"),
        ("temperature:2", "{temperature: 2}", 13, "temperature:<t>, annealed, joint. Received: {"),
        ("heads: 1e-3", "groups: {block-2: 1e-5}", 17, "a layer group is embeddings, block_0, "),
        (
            "heads: 1e-3",
            "groups: {block_3-0: 1e-5}",
            17,
            "'block_3-0' runs backwards; write block_0",
        ),
        (
            "freeze: backbone",
            "freeze: block_3-0",
            17,
            "'block_3-0' runs backwards; write block_0-3",
        ),
        ("{train: tweets/*.conll}", "{validation: null}", 11, "no file; give the task"),
        ("batch_size: 16", "freeze: backbone", 15, "belongs to a stage: write it in stages"),
        ("batch_size: 16", "tasks: [topic]", 15, "belongs to a stage: write it in stages"),
        (
            "epochs: 3",
            "protect: {by: distillation, weight: x}",
            17,
            "weight: expected a finite number",
        ),
        ("  entities:", "  true:", 9, "YAML reads the key true as a bool; put it in quotes"),
        ("  entities:", f"  {'e' * 65}:", 9, "at most 64"),
        ("kind: tagging", "labels: [only]", 9, "a classification needs at least two"),
        ("kind: tagging", "labels: [a, '']", 9, "a label is empty"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_the_cure(tmp_path, old, new, line, message):
    assert RECIPE.count(old) >= 1
    path = _write(tmp_path, RECIPE.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        load_recipe(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("tasks", "[topic]", "{topic: {files: {train: train.csv}}}"),
        ("tasks", "{}", "{topic: {files: {train: train.csv}}}"),
        ("tasks", "{topic: train.csv}", "{files: {train: train.csv}}"),
        ("training", "full", "{plan: full}"),
        ("training", "{stages: {freeze: all}}", "[{freeze: backbone, epochs: 3}]"),
        ("training", "{stages: [all]}", "{freeze: backbone, epochs: 3}"),
        ("training", "{stages: [{tasks: topic}]}", "a list of tasks"),
    ],
)
def test_what_is_no_mapping_or_list_says_what_one_looks_like(tmp_path, key, value, expected):
    parts = {
        "encoder": "x",
        "tasks": "{topic: {files: {train: x.csv}}}",
        "training": "{plan: full}",
    }
    text = "".join(f"{name}: {part}\n" for name, part in (parts | {key: value}).items())
    path = _write(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_recipe(path)
    line = list(parts).index(key) + 1
    assert str(error.value).startswith(f"{path}:{line}: {key}")
    assert f"{expected}. Received: " in str(error.value)


def test_a_number_may_lack_the_point_that_yaml_asks_for(tmp_path):
    text = RECIPE.replace("epochs: 3", "protect: {by: starting_weights, strength: 1e-3}")
    text = text.replace("{topic: 0.5}", "{topic: 5e-1}").replace("batch_size: 16", "seed: 1.0e+3")
    recipe = load_recipe(_write(tmp_path, text))
    assert recipe.plan.given[0].protect == StartingWeights(strength=1e-3)
    assert (recipe.loss_weights, recipe.seed) == ({"topic": 0.5}, 1000)


def test_an_encoders_folder_is_beside_the_recipe(tmp_path):
    for source, expected in [
        ("all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
        ("hf://org/name", "hf://org/name"),
        ("https://host/bert.tar.gz", "https://host/bert.tar.gz"),
        ("../bert", str(tmp_path.parent / "bert")),
        ("/models/bert", "/models/bert"),
        ("~/bert", str(Path("~/bert").expanduser())),
    ]:
        text = RECIPE.replace("all-MiniLM-L6-v2", source)
        assert load_recipe(_write(tmp_path, text)).encoder == expected


def test_what_is_found_with_the_model_is_reported_with_its_line(tmp_path):
    groups = ["embeddings", "block_0", "block_1", "heads/topic", "heads/entities"]
    for old, new, message in [
        (
            "top:2",
            "lowest:99",
            "18: training.stages.1: freeze 'lowest:99': the encoder has 2 blocks",
        ),
        (
            "heads: 1e-3",
            "groups: {block_2: 1e-5}",
            "17: training.stages.0: there is no layer group",
        ),
        ("top:2", "top:0", "18: training.stages.1: stage 2 thaws and freezes nothing"),
    ]:
        text = RECIPE.replace(old, new)
        if "thaws" in message:
            text = text.replace("1.0e-4, backbone: 5.0e-5, decay: 0.9", "1e-3")
        path = _write(tmp_path, text)
        with pytest.raises(InputError) as error:
            load_recipe(path).plan.stages(groups)
        assert str(error.value).startswith(f"{path}:{message}")
    path = _write(tmp_path, PLAN)
    with pytest.raises(InputError, match=r"recipe.yaml:16: training.plan: there is no layer gr"):
        load_recipe(path).plan.stages(groups)


def test_pooling_is_the_sources_or_the_recipes(tmp_path):
    assert load_recipe(_write(tmp_path)).pooling is None
    assert load_recipe(_write(tmp_path, f"pooling: last\n{RECIPE}")).pooling == "last"
    with pytest.raises(InputError, match=r"recipe.yaml:1: pooling: .*'max'"):
        load_recipe(_write(tmp_path, f"pooling: max\n{RECIPE}"))


def test_batches_have_examples_or_a_token_budget(tmp_path):
    recipe = load_recipe(_write(tmp_path))
    assert (recipe.batch_size, recipe.max_tokens, recipe.jit_compile) == (16, None, False)
    text = RECIPE.replace("batch_size: 16", "max_tokens: 4096\n  jit_compile: auto")
    recipe = load_recipe(_write(tmp_path, text))
    assert (recipe.batch_size, recipe.max_tokens, recipe.jit_compile) == (None, 4096, "auto")
    with pytest.raises(InputError, match=r"16: training\.max_tokens: schedule: joint joins the"):
        joint = text.replace("temperature:2", "joint").replace(
            "max_tokens", "seed: 1\n  max_tokens"
        )
        load_recipe(_write(tmp_path, joint))


def test_no_file_names_the_bundled_recipes(tmp_path):
    with pytest.raises(InputError, match=r"no such file; .* tickets"):
        load_recipe(tmp_path / "absent.yaml")


@pytest.mark.parametrize("name", sorted(bundled_recipes()))
def test_bundled_recipes_load_by_name_and_say_what_they_are(name):
    assert load_recipe(name).tasks
    assert bundled_recipes()[name].read_text(encoding="utf-8").startswith("# ")


def test_reading_a_recipe_does_not_load_tensorflow(tmp_path):
    program = (
        "import sys; from mtl_keras.recipes.recipe import load_recipe; load_recipe(sys.argv[1]); "
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
    ("plan", "message"),
    [
        ("gradul", "did you mean 'gradual'"),
        ("head_frozen:tone", "no task 'tone'; there are topic, entities"),
        ("stages", "one of full, linear_probe, .* or a list of stages. Received: 'stages'"),
        ('"heads_then_top:²"', "a training plan is one of full"),
    ],
)
def test_a_mistaken_plan_is_reported_with_its_line(tmp_path, plan, message):
    path = _write(tmp_path, PLAN.replace("gradual", plan))
    with pytest.raises(InputError, match=message) as error:
        load_recipe(path)
    assert str(error.value).startswith(f"{path}:16: ")


def test_stages_inherit_what_training_says(tmp_path):
    text = RECIPE.replace("batch_size: 16", "weight_decay: 0.3\n  patience: 4")
    text = text.replace("epochs: 3, ", "epochs: 3, patience: 1, ")
    first, second = load_recipe(_write(tmp_path, text)).plan.given
    assert (first.weight_decay, second.weight_decay) == (0.3, 0.3)
    assert (first.patience, second.patience) == (1, 4)


def test_a_stage_inherits_the_learning_rates_that_it_does_not_write(tmp_path):
    shared = "learning_rate: {decay: 0.5, schedule: linear, groups: {block_0: 1e-6, block_1: 1e-6}}"
    text = RECIPE.replace("batch_size: 16", shared)
    text = text.replace("heads: 1e-3", "heads: 1e-4, groups: {block_0: 1e-7}")
    rates, other = (stage.learning_rate for stage in load_recipe(_write(tmp_path, text)).plan.given)
    assert (rates.heads, rates.decay, rates.schedule.shape) == (1e-4, 0.5, "linear")
    assert rates.groups == {"block_1": 1e-6, "block_0": 1e-7}
    assert set(rates.own) == {"heads", "groups"}
    assert (other.decay, other.schedule.shape) == (0.9, "linear")


def test_a_stage_says_who_trains_and_who_is_protected(tmp_path):
    text = RECIPE.replace("epochs: 3", "tasks: [topic], protect: {by: distillation, weight: 2}")
    stage = load_recipe(_write(tmp_path, text)).plan.given[0]
    assert stage.tasks == ("topic",)
    assert stage.protect == Distillation(weight=2)


def test_a_list_freezes_what_any_of_its_rules_does(tmp_path):
    text = RECIPE.replace("freeze: backbone", "freeze: [embeddings, block_0-1, head:topic]")
    stage = load_recipe(_write(tmp_path, text)).plan.given[0]
    assert stage.freeze == FreezePlan("embeddings + block_0-1 + head:topic")


def test_names_that_make_one_key_are_refused_but_in_a_recipe_that_a_run_has(tmp_path):
    task = "files: {train: a.csv}"
    text = f"encoder: x\ntasks:\n  a: {{{task}}}\n  val_a: {{{task}}}\ntraining: {{plan: full}}\n"
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    message = r"recipe.yaml:4: tasks.val_a: 'val_a_loss' would be both the validation loss of 'a' "
    with pytest.raises(InputError, match=message):
        load_recipe(path)
    assert len(load_recipe(path, folder=tmp_path).tasks) == 2


@pytest.mark.parametrize("name", bundled_recipes())
def test_a_recipe_says_the_same_as_a_value_and_as_yaml(name, tmp_path):
    recipe = load_recipe(name)
    value = dataclasses.replace(recipe, written=None)
    (tmp_path / "recipe.yaml").write_text(value.to_yaml())
    again = load_recipe(tmp_path / "recipe.yaml", folder=recipe.path.parent)
    assert dataclasses.replace(again, path=recipe.path) == recipe == value


def test_stages_and_settings_come_through_yaml(tmp_path):
    stages = [
        Stage(freeze="backbone", solve=True),
        Stage(
            freeze=FreezePlan.head("b"),
            epochs=3,
            tasks=("a",),
            patience=2,
            watch="a_loss",
            protect=Distillation(weight=2.0),
            combine=CAGrad(c=0.4),
            weighting=DWA(period=50),
            learning_rate=LearningRates(
                heads=1e-4,
                groups={"block_0": 1e-6},
                schedule=RateSchedule(shape="linear", warmup=0.2),
            ),
        ),
    ]
    recipe = Recipe(
        encoder="all-MiniLM-L6-v2",
        tasks=[
            Task("a", labels=["no", "010"], files={"train": ["x.csv", "y.csv"], "test": "t.csv"}),
            Task("b", "regression", files={"train": "x.csv"}, text=("q", "r"), label=-1),
        ],
        stages=stages,
        schedule="joint",
        max_tokens=None,
        batch_size=4,
        restore=None,
    )
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    again = load_recipe(tmp_path / "recipe.yaml")
    assert dataclasses.replace(again, path=recipe.path) == recipe
    assert again.tasks[0].files == recipe.tasks[0].files
    assert again.tasks[1].columns_of("train") == recipe.tasks[1].columns_of("train")


def test_a_value_has_the_defaults_of_a_file():
    content = {
        "encoder": "all-MiniLM-L6-v2",
        "tasks": {"a": {"files": {"train": "a.csv"}}},
        "training": {"stages": [{"epochs": 1}]},
    }
    task = Task("a", files={"train": "a.csv"})
    value = Recipe(encoder="all-MiniLM-L6-v2", tasks=[task], stages=[Stage()])
    assert Recipe.from_dict(content) == value
    assert value.as_written.decode() == value.to_yaml()


WRONG_VALUES = [
    ({"stages": Stage()}, r"stages must be a list of Stage\(…\). Received: Stage"),
    ({"stages": [{}]}, r"stages must be a list of Stage\(…\). Received in it: {}"),
    ({"tasks": Task("a", files={"train": "a"})}, r"tasks must be a list of Task\(…\). Received: T"),
    ({"tasks": {"topic": {}}}, r"tasks must be a list of Task\(…\). Received: {'topic'"),
    ({"stages": None}, "either stages .* or plan .*Received: neither"),
    ({"plan": "lp_ft"}, "either stages .*Received: both"),
    ({"stages": None, "plan": "ful"}, "a training plan is one of"),
    ({"stages": []}, "a training plan is one of"),
    ({"tasks": []}, "recipe: tasks: expected a mapping"),
    ({"stages": [Stage(tasks=("b",))]}, r"recipe: training.stages.0.tasks: there is no task 'b'"),
    ({"batch_size": 0}, "recipe: training.batch_size: input should be greater"),
    ({"precision": "float8"}, "recipe: training.precision: input should be 'float32' or"),
    ({"tasks": [Task("a")]}, "recipe: tasks.a.files: no file"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_VALUES)
def test_values_that_do_not_fit_are_refused(wrong, message):
    good = {"encoder": "e", "tasks": [Task("a", files={"train": "a.csv"})], "stages": [Stage()]}
    with pytest.raises(InputError, match=message):
        Recipe(**(good | wrong))


def test_a_dict_with_an_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="recipe: trainig: unknown key; did you mean 'training'"):
        Recipe.from_dict({"encoder": "e", "tasks": {}, "trainig": {}})
    with pytest.raises(InputError, match="a recipe is a mapping"):
        Recipe.from_dict([])


def test_data_in_memory_are_in_no_file():
    task = Task("a", data={"train": [{"text": "t", "label": "l"}]})
    recipe = Recipe(encoder="e", tasks=[task], stages=[Stage()])
    with pytest.raises(
        InputError, match="task 'a': its train data are in memory, but a recipe needs"
    ):
        recipe.to_yaml()


def test_overrides_stand_in_the_place_of_a_files_values(tmp_path):
    overrides = [parse_override(text) for text in ("training.seed=3", "stages.1.epochs=7")]
    recipe = load_recipe(_write(tmp_path), overrides=overrides)
    assert (recipe.seed, [stage.epochs for stage in recipe.plan.given]) == (3, [3, 7])
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(recipe.as_written)
    assert load_recipe(copy).seed == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.sed=3", r"--set training.sed=3: unknown key; did you mean 'seed'\?"),
        ("stages.0.epoch=1", r"--set stages.0.epoch=1: unknown key; did you mean 'epochs'\?"),
        ("training.seed=x", "--set training.seed=x: .* integer"),
        ("stages.2.epochs=1", "--set 'stages.2.epochs=1': no item 2; the recipe has 2 there"),
        ("encoder.x=1", "--set 'encoder.x=1': no 'x' here; the recipe has 'all-MiniLM"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        load_recipe(_write(tmp_path), overrides=[parse_override(text)])
