"""A recipe's values as plain ones."""

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
