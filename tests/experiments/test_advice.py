"""Advice on small data sets made for each rule."""

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mtl_keras import Task, TaskDataset, load_recipe
from mtl_keras.data.schedules import parse_schedule
from mtl_keras.experiments.advice import WIDTH, Advice, advise, render
from mtl_keras.experiments.advice_rules import (
    EPOCH_RULES,
    EPOCHS_OF_SOLVED,
    PLAN_RULES,
    SCHEDULE_RULES,
)

EVERY_RULE = {
    "plan": PLAN_RULES,
    "schedule": SCHEDULE_RULES,
    "epochs": (*EPOCH_RULES, EPOCHS_OF_SOLVED),
}
# Examples of each task, whether the first tags, validation examples → the rules that win.
DATA_OF_RULES = [
    ((60, 60), False, 200, ("few examples", "tasks of similar size", "heads are solved")),
    ((60, 120), True, 200, ("words to label", "tasks of similar size", "heads are solved")),
    ((300, 3000), False, 200, ("small task", "very unequal", "few steps an epoch")),
    (
        (1000, 10000),
        False,
        200,
        (
            "tasks of very different sizes",
            "very unequal, epochs not known ahead",
            "epochs not known ahead",
        ),
    ),
    ((1000, 9999), False, 10, ("medium task", "tasks of unequal size", "in between")),
    ((3000, 3000), False, 10, ("large task", "tasks of similar size", "in between")),
    (
        (10000, 10000),
        False,
        10,
        ("plenty of examples", "tasks of similar size", "many steps an epoch"),
    ),
]


def _recipe(schedule="proportional", max_length=32, reads="last"):
    settings = {"schedule": parse_schedule(schedule), "max_length": max_length}
    return SimpleNamespace(tasks=[SimpleNamespace(reads=reads)], **settings)


def _dataset(folder, name, labels, *, validation=200, texts=None) -> TaskDataset:
    """Distinct texts of these labels; validation alternates the labels."""
    rows = {
        "train": zip(texts or itertools.count(), labels, strict=False),
        "validation": enumerate(itertools.islice(itertools.cycle(sorted(set(labels))), validation)),
    }
    files = {split: folder / f"{name}.{split}.csv" for split in rows}
    for split, path in files.items():
        lines = [f"text {text},{label}" for text, label in rows[split]]
        path.write_text("\n".join(["text,label", *lines]) + "\n")
    return TaskDataset(Task(name, labels=sorted(set(labels)), files=files))


def _tagging_dataset(folder, name, count) -> TaskDataset:
    path = folder / f"{name}.conll"
    path.write_text("\n\n".join(f"text\tO\n{i}\tB-number" for i in range(count)) + "\n")
    files = {"train": path, "validation": path}
    return TaskDataset(Task(name, kind="tagging", files=files))


def _setting(advice: Advice, setting: str):
    return next(one for one in advice.recommendations if one.setting == setting)


@pytest.mark.parametrize(("sizes", "tagging", "validation", "rules"), DATA_OF_RULES)
def test_the_rule_that_wins(tmp_path, sizes, tagging, validation, rules):
    datasets = {}
    for number, size in enumerate(sizes):
        name = f"task_{number}"
        labels = ["a", "b"] * (size // 2) + ["a"] * (size % 2)
        datasets[name] = _dataset(tmp_path, name, labels, validation=validation)
    if tagging:
        datasets["task_0"] = _tagging_dataset(tmp_path, "task_0", sizes[0])
    advice = advise(_recipe(), datasets, plan_name="full")
    assert tuple(_setting(advice, setting).rule for setting in EVERY_RULE) == rules
    assert advice.measures.smallest_task == min(sizes)


def test_every_rule_is_reached():
    for index, (setting, table) in enumerate(EVERY_RULE.items()):
        reached = {rules[index] for *_, rules in DATA_OF_RULES}
        assert reached == {rule.name for rule in table}, setting


@pytest.mark.parametrize(
    ("size", "reads", "value", "followed"),
    [
        (60, "last", "auto", False),
        (60, "auto", "auto", True),
        (60, "block_3", "auto", True),
        (400, "last", "last", True),
    ],
)
def test_solved_heads_read_the_level_that_suits_them(tmp_path, size, reads, value, followed):
    dataset = _dataset(tmp_path, "topic", ["a", "b"] * (size // 2))
    advice = advise(_recipe(reads=reads), {"topic": dataset}, plan_name="full")
    advised = _setting(advice, "reads")
    assert (advised.value, advised.followed) == (value, followed)


def test_max_length_holds_95_percent_of_the_texts(tmp_path):
    words = [5] * 95 + [60] * 5  # with "text", the number of words is one more
    texts = [" ".join([str(i), *["word"] * (count - 1)]) for i, count in enumerate(words)]
    dataset = _dataset(tmp_path, "topic", ["a", "b"] * 50, texts=texts)
    length = _setting(advise(_recipe(), {"topic": dataset}, plan_name="full"), "max_length")
    assert (length.value, length.current, length.followed) == ("16", "32", True)
    assert "8 word pieces or fewer" in length.condition
    assert "32 truncates 5.0% of the texts of topic" in length.reason
    short = advise(_recipe(max_length=8), {"topic": dataset}, plan_name="full")
    assert _setting(short, "max_length").followed is False
    assert "the recipe has 8)" in render(short)


def test_words_with_free_labels_count_like_tagged_words(tmp_path):
    path = tmp_path / "parts.conll"
    sentence = "\n".join(["word\tNOUN"] * 40)
    path.write_text("\n\n".join(f"{i}\tNUM\n{sentence}" for i in range(60)) + "\n")
    files = {"train": path, "validation": path}
    dataset = TaskDataset(Task("parts", kind="token_labels", files=files))
    advice = advise(_recipe(), {"parts": dataset}, plan_name="full")
    assert advice.measures.tagging_tasks == 1
    assert any("their last words get no label" in warning for warning in advice.warnings)
    assert any("watch macro_f1" in warning for warning in advice.warnings)
    assert not any("measure accuracy to" in warning for warning in advice.warnings)


def test_texts_beyond_the_positions_of_bert(tmp_path):
    texts = [" ".join(["word"] * 600)] * 20
    dataset = _dataset(tmp_path, "topic", ["a", "b"] * 10, texts=texts)
    length = _setting(advise(_recipe(), {"topic": dataset}, plan_name="full"), "max_length")
    assert length.value == "512"


@pytest.mark.parametrize(
    ("labels", "options", "warning"),
    [
        ("a" * 40 + "b" * 40 + "c", {}, "one example of 'c', too few to both learn and measure"),
        ("a" * 40 + "b" * 9, {}, "fewer than 10 examples of 'b'"),
        ("a" * 80 + "b" * 20, {}, "'a' is 80% of the labels: watch macro_f1"),
        ("ab" * 50, {"validation": 25}, "25 validation examples measure accuracy to ±20 points"),
        ("ab" * 50, {"texts": [1, 2] * 5 + [*range(3, 93)]}, "8 of 100 texts repeat an earlier"),
    ],
)
def test_warnings(tmp_path, labels, options, warning):
    dataset = _dataset(tmp_path, "topic", list(labels), **options)
    advice = advise(_recipe(), {"topic": dataset}, plan_name="full")
    assert any(warning in one for one in advice.warnings), advice.warnings
    assert "topic: " in render(advice)


def test_a_label_without_an_example(tmp_path):
    dataset = _dataset(tmp_path, "topic", ["a", "b"] * 50)
    completed = TaskDataset(Task("topic", labels=["a", "b", "c"], files=dataset.task.files))
    advice = advise(_recipe(), {"topic": completed}, plan_name="full")
    assert any("no example of 'c'" in warning for warning in advice.warnings)


def test_tags_that_are_cut(tmp_path):
    datasets = {"entities": _tagging_dataset(tmp_path, "entities", 200)}
    assert advise(_recipe(), datasets, plan_name="full").warnings == ()
    cut = advise(_recipe(max_length=3), datasets, plan_name="full")
    assert cut.warnings == (
        "entities: an estimated 100.0% of the texts exceed max_length; their last words get no tag",
    )


def test_good_data_give_no_warning(tmp_path):
    dataset = _dataset(tmp_path, "topic", ["a", "b"] * 100)
    advice = advise(_recipe(), {"topic": dataset}, plan_name="full")
    assert advice.warnings == ()
    assert "Watch" not in render(advice)


def _tickets():
    recipe = load_recipe("tickets")
    folder = recipe.path.parent
    return recipe, {task.name: TaskDataset(task, base_folder=folder) for task in recipe.tasks}


@pytest.mark.slow
def test_the_bundled_recipe():
    advice = advise(*_tickets(), plan_name="stages")
    assert _setting(advice, "plan").value == "linear_probe"
    assert _setting(advice, "reads").value == "auto"
    assert not advice.followed
    assert advice.turning_points == (
        "no task that labels words (now 1): lowest_half",
        "3,000 examples of the smallest task or more (now 2,412): lp_ft",
    )
    text = render(advice)
    assert "linear_probe (the recipe has stages)" in text
    assert len(text.splitlines()) < 45
    assert max(map(len, text.splitlines()[len(advice.profiles) + 2 :])) <= WIDTH + 4


@pytest.mark.slow
def test_advice_that_is_followed_already():
    recipe, datasets = _tickets()
    recipe = replace(recipe, tasks=tuple(task.at_level("auto") for task in recipe.tasks))
    advice = advise(recipe, datasets, plan_name="linear_probe")
    assert advice.followed
    assert "The recipe already follows every recommendation." in render(advice)
    assert "linear_probe (as the recipe has it)" in render(advice)


@pytest.mark.slow
def test_plain_values():
    advice = advise(*_tickets(), plan_name="stages")
    actual = json.loads(json.dumps(advice.to_json(), allow_nan=False))
    assert actual["recommendations"]["plan"]["value"] == "linear_probe"
    assert actual["tasks"][0]["examples"] == 2412
    assert actual["measures"]["tagging_tasks"] == 1


@pytest.mark.slow
def test_it_runs_without_tensorflow():
    program = (
        "import sys\n"
        "from mtl_keras import TaskDataset, load_recipe\n"
        "from mtl_keras.experiments.advice import advise, render\n"
        "recipe = load_recipe('tickets')\n"
        "datasets = {task.name: TaskDataset(task, base_folder=recipe.path.parent)\n"
        "            for task in recipe.tasks}\n"
        "render(advise(recipe, datasets, plan_name='full'))\n"
        "sys.exit('tensorflow' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
