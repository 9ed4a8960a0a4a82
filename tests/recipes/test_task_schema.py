"""What a recipe says of a task becomes a task."""

import pydantic
import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.recipes.task_schema import TaskSchema


def _task(**content):
    return TaskSchema.model_validate({"files": {"train": "a.csv"}} | content).build("topic")


def test_without_a_word_it_is_a_classification_of_text_and_label():
    task = _task()
    assert (task.name, task.kind, task.labels) == ("topic", "classification", ())
    assert task.files == {"train": ("a.csv",)}
    assert list(task.columns.values()) == [Columns()] * 3


def test_columns_are_those_of_all_splits_or_of_each():
    same = _task(columns={"text": 0, "label": 1}).columns
    assert list(same.values()) == [Columns(text=0, label=1)] * 3
    own = _task(columns={"train": {"text": 0, "label": 1}, "test": {"text": 1, "label": 0}}).columns
    assert own["train"] == own["validation"] == Columns(text=0, label=1)
    assert own["test"] == Columns(text=1, label=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"files": {}}, "no file; give the task training files"),
        ({"files": {"trian": "a.csv"}}, "Extra inputs are not permitted"),
        ({"kind": "taging"}, "Input should be 'classification'"),
        ({"columns": {"text": True}}, "True"),
    ],
)
def test_what_a_task_cannot_have_is_refused(content, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        _task(**content)


def test_a_format_is_that_of_a_task_or_of_a_split():
    of_all = {"format": "csv", "delimiter": ";", "encoding": "cp1252"}
    assert set(map(repr, _task(**of_all).columns.values())) == {repr(Columns(**of_all))}
    columns = _task(
        columns={"train": {"text": 0, "label": 1}, "test": of_all}, format="tsv"
    ).columns
    assert columns["train"] == columns["validation"] == Columns(text=0, label=1, format="tsv")
    assert columns["test"] == Columns(**of_all)
