"""A recipe's values as plain ones."""

import yaml

from mtl_keras.data.columns import Columns
from mtl_keras.data.task import Task
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.plain import as_plain
from mtl_keras.recipes.recipe import Recipe


def test_what_has_its_default_is_left_out():
    task = Task("a", files={"train": "a.csv", "test": "b.csv"}, text="body")
    recipe = Recipe(encoder="e", tasks=[task], plan=TrainingPlan("lp_ft", Stage(epochs=3)))
    of_task = {"files": {"train": "a.csv", "test": "b.csv"}, "columns": {"text": "body"}}
    training = {"plan": "lp_ft", "epochs": 3}
    assert as_plain(vars(recipe)) == {"encoder": "e", "tasks": {"a": of_task}, "training": training}


def test_columns_that_differ_by_split_are_given_by_split():
    columns = {"test": Columns(text=0, label=1)}
    task = Task("a", files={"train": "a.csv", "test": "b.csv"}, columns=columns)
    recipe = Recipe(encoder="e", tasks=[task], stages=[Stage()])
    expected = {"train": {}, "test": {"text": 0, "label": 1}}
    assert as_plain(vars(recipe))["tasks"]["a"]["columns"] == expected


def test_a_dataset_of_the_hub_is_written_as_its_address():
    task = Task("mood", data="hf://datasets/org/moods", text="body")
    recipe = Recipe(encoder="all-MiniLM-L6-v2", tasks=[task], stages=[Stage()])
    (written,) = yaml.safe_load(recipe.to_yaml())["tasks"].values()
    assert written == {"files": "hf://datasets/org/moods", "columns": {"text": "body"}}
    (read,) = Recipe.from_dict(yaml.safe_load(recipe.to_yaml())).tasks
    assert read.files.address == "hf://datasets/org/moods"
    assert read.columns_of("test") == task.columns_of("test")
