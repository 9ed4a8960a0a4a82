"""Data that are read with the labels of a model."""

import pytest

from mtl_keras.data.audit import audit
from mtl_keras.data.model_labels import ModelTask, for_model
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

TRAIN = [{"text": f"text {row}", "label": label} for row, label in enumerate("abacabacab")]
TEST = [{"text": "text x", "label": "b"}, {"text": "text y", "label": "d"}]


def _opened(kind="classification", data=None, **task):
    return TaskDataset(Task("topic", kind, data=data or {"train": TRAIN, "test": TEST}, **task))


def _read(dataset, *labels, kinds=("classification",)):
    return for_model({"topic": dataset}, {"topic": ModelTask(labels, kinds)})["topic"]


def test_indices_are_the_models_and_other_labels_follow():
    dataset = _opened()
    read = _read(dataset, "b", "a", "z")
    assert read.task.labels == ("b", "a", "z")
    assert read.more_labels["test"] == ["c", "d"]
    names = ["b", "a", "z", "c", "d"]
    for split in dataset.splits:
        own = [dataset.task.labels, dataset.more_labels.get(split, [])]
        written = [[*own[0], *own[1]][example.label] for example in dataset.examples(split)]
        assert [names[example.label] for example in read.examples(split)] == written
    assert next(dataset.examples("test")).label == 1, "the data themselves are as they were"


def test_training_data_may_have_labels_that_the_model_lacks():
    read = _read(_opened(labels=["a", "b", "c", "d"]), "b", "a")
    assert {example.label for example in read.examples("train")} == {0, 1, 2}
    lines = [finding.in_words() for finding in audit({"topic": read})]
    assert [line for line in lines if "count as wrong" in line] == [
        "topic, train: 2 of 9 labels are not the model's, and count as wrong: 'c'",
        "topic, test: 1 of 2 labels do not occur in training, and count as wrong: 'd'",
    ]


def test_labels_of_earlier_versions_keep_their_spelling():
    rows = [{"text": f"t {row}", "label": row % 2} for row in range(4)]
    read = _read(_opened(data={"train": rows, "test": rows}), "1.0", "0.0")
    assert read.more_labels["test"] == []
    assert read.label_counts["test"] == {"0.0": 2, "1.0": 2}
    assert [example.label for example in read.examples("test")] == [1, 0, 1, 0]


def test_numbers_have_no_labels_to_read():
    rows = [{"text": "t", "label": 1.5}]
    dataset = _opened("regression", data={"train": rows, "test": rows, "validation": rows})
    assert _read(dataset, kinds=["regression"]) is dataset


def test_data_keep_the_models_order_and_tasks_without_data_are_left_out():
    tasks = {name: ModelTask(["a", "b"], ["classification"]) for name in ("one", "topic", "two")}
    read = for_model({"two": _opened(), "one": _opened()}, tasks)
    assert [*read] == ["one", "two"]


def test_what_does_not_fit_the_model_is_refused():
    topic = ModelTask(["a", "b"], ["classification"])
    for datasets, tasks, message in [
        ({"topik": _opened()}, {"topic": topic}, "no task 'topik'; it has 'topic'; did you mean"),
        ({"topic": 7}, {"topic": topic}, r"datasets\['topic'\] must be a TaskDataset"),
        ([_opened()], {"topic": topic}, "datasets must be a dict of TaskDataset"),
        (
            {"topic": _opened()},
            {"topic": ModelTask(["a", "b"], ["tagging", "token_labels"])},
            "data are of a classification, the model's task is a tagging task or a token_labels",
        ),
        (
            {"topic": _opened()},
            {"topic": ModelTask(["x", "y"], ["classification"])},
            "the model's labels are 'x', 'y', the data have none of them, but 'a', 'b', 'c', 'd'",
        ),
    ]:
        with pytest.raises(InputError, match=message):
            for_model(datasets, tasks)
