"""Declarations of tasks and columns."""

import pytest

from mtl_keras.data.columns import FORMATS, Columns
from mtl_keras.data.file_formats import READERS
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError


def test_columns_may_be_given_once_or_by_split():
    columns = Columns(text=0, label=1)
    assert Task("topic", columns=columns).columns_of("test") == columns
    task = Task("topic", columns={"train": columns})
    assert task.columns_of("train") == columns
    assert task.columns_of("test") == Columns()


def test_label_names_are_strings():
    names = Columns(label_names={1: "World", "2": " Sports "}).label_names
    assert names == {"1": "World", "2": "Sports"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"label_names": {"1": "a", 1.0: "b"}}, "label_names has '1' twice"),
        ({"label_names": {"1": " "}}, "stands for an empty label"),
        ({"label_names": {"1": True}}, "a label must be a string or a number"),
        ({"format": "jsonlines"}, "format is one of csv, tsv, jsonl, .*; did you mean 'jsonl'"),
        ({"delimiter": ";;"}, "delimiter is the one character between fields"),
        ({"delimiter": '"'}, "delimiter is the one character between fields"),
        ({"encoding": "cp125"}, "there is no encoding 'cp125'"),
        ({"encoding": "rot13"}, "there is no encoding 'rot13'"),
        ({"encoding": 1252}, "there is no encoding 1252"),
    ],
)
def test_columns_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Columns(**wrong)


def test_a_format_may_be_said_in_other_words():
    assert {Columns(delimiter=tab).delimiter for tab in ("\t", "tab", "\\t")} == {"\t"}
    assert Columns(encoding="UTF8").encoding is None
    assert set(FORMATS) == set(READERS)


def test_labels_have_one_spelling_but_those_of_a_model_stay():
    assert Task("a", labels=["1.0", " b\u200b"]).labels == ("1", "b")
    old = Task.from_config({"name": "a", "kind": "classification", "labels": ["1.0", "nan"]})
    assert (old.labels, old.labels_are_found) == (("1.0", "nan"), True)
    assert not Task("a", labels=["x", "y"]).with_labels(["x", "y"]).labels_are_found
    with pytest.raises(InputError, match="labels must be a list of strings"):
        Task.from_config({"name": "a", "labels": [1]})


@pytest.mark.parametrize("wrong", [{"text": True}, {"text": ()}, {"label": 1.5}, {"label": None}])
def test_a_column_that_is_neither_name_nor_position_is_refused(wrong):
    with pytest.raises(InputError, match="a name or a position"):
        Columns(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "Topic"}, "lower-case letters"),
        ({"name": "block_3"}, "another meaning"),
        ({"kind": "regresion"}, "kind must be one of classification, tagging"),
        ({"kind": "regression", "labels": ["a"]}, "a regression has no labels"),
        ({"labels": ["a", " a"]}, "listed twice"),
        ({"labels": "positive"}, "labels must be a list. Received: 'positive'"),
        ({"labels": None}, "labels must be a list"),
        ({"labels": [True, "maybe"]}, "Received: True; write it as text"),
        ({"name": "t" * 65}, "at most 64"),
        ({"labels": ["a", " "]}, "a label is empty"),
        ({"labels": ["a"]}, "needs at least two labels"),
        ({"kind": "tagging", "labels": ["O"]}, "'O' marks words outside of spans"),
        ({"kind": "tagging", "labels": ["O", "city"]}, "'O' marks words outside of spans"),
        ({"kind": "token_labels", "labels": ["NOUN"]}, "a token_labels task needs at least two"),
        ({"files": {"train": []}}, "the list of train files is empty"),
        ({"files": {"dev": "x.csv"}}, "train, validation, test. Received: 'dev'"),
        ({"columns": {"dev": Columns()}}, "train, validation, test. Received: 'dev'"),
    ],
)
def test_wrong_declarations_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Task(**{"name": "topic"} | wrong)


def test_span_types_may_be_listed_as_tags():
    assert Task("entities", "tagging", ["O", "B-city", "I-city"]).labels[0] == "O"


@pytest.mark.parametrize("columns", [{"text": "label"}, {"text": (0, 1), "label": 1}])
def test_one_column_cannot_be_text_and_label(columns):
    with pytest.raises(InputError, match="text and label are both column"):
        Columns(**columns)


def test_free_labels_of_words_may_look_like_tags():
    task = Task("parts", "token_labels", ["O", "NOUN", "B-x"])
    assert task.classes == task.labels == ("O", "NOUN", "B-x")
    assert task.label_kind.meant(task.labels) == task.labels


def test_classes_of_tagging_are_bio_tags():
    task = Task("entities", "tagging", ["city", "product"])
    assert task.classes == ("O", "B-city", "I-city", "B-product", "I-product")
    assert task.num_outputs == 5
    assert Task("price", "regression").num_outputs == 1


@pytest.mark.parametrize("columns", [{"text": 1}, {"train": {"text": 1, "label": 3}}, [1, 3], None])
def test_columns_that_are_none_are_refused_with_what_they_are(columns):
    with pytest.raises(InputError, match=r"columns must be Columns\(text=…, label=…\), or"):
        Task("parts", columns=columns)


@pytest.mark.parametrize(
    ("kind", "scale", "message"),
    [
        ("classification", (0, 1), "a classification has no scale; remove it"),
        ("regression", (1, 0), "scale must be a mean and a deviation above 0"),
        ("regression", (float("nan"), 1), "a deviation above 0. Received"),
        ("regression", 3, "Received: 3"),
    ],
)
def test_a_scale_is_of_numbers(kind, scale, message):
    with pytest.raises(InputError, match=message):
        Task("stars", kind=kind, scale=scale)


def test_a_scale_is_kept_and_its_absence_leaves_the_config_of_earlier_versions():
    task = Task("stars", kind="regression", scale=[3, 2])
    assert task.scale == Task.from_config(task.get_config()).scale == (3.0, 2.0)
    assert "scale" not in Task("stars", kind="regression").get_config()


def test_data_and_files_may_be_given_side_by_side_and_stay_when_a_task_is_copied():
    rows = [{"body": "a", "topic": "x"}]
    task = Task("t", files={"test": "t.csv"}, data={"train": rows}, text="body", label="topic")
    copy = task.with_labels(["x", "y"]).at_level("block_0")
    assert copy.files == task.files
    assert set(copy.files) == {"train", "test"}
    assert copy.columns_of("test") == Columns(text="body", label="topic")
    assert Task("t", data={"train": "train.csv"}).files == {"train": ("train.csv",)}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"data": [{"text": "a"}]}, r"data must map splits: data=\{'train': …, 'test': …\}"),
        ({"data": {"text": ["a"]}}, "columns are train, validation, test. Received: 'text'"),
        ({"data": {"train": []}, "files": {"train": "a"}}, "files and data both give train"),
        ({"text": "a", "columns": Columns()}, "give text and label either in columns or as"),
        ({"text": "a", "label": "a"}, "text and label are both column 'a'"),
    ],
)
def test_data_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Task("t", **wrong)
