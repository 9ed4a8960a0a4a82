"""Answers that are always the same."""

import pytest

from mtl_keras.data.constant_answers import ConstantAnswer, constant_answer
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset


def _dataset(kind, labels, test=None):
    data = {"train": {"text": [f"t {row}" for row in range(len(labels))], "label": labels}}
    data |= {"validation": data["train"]}
    data |= {"test": {"text": ["u"] * len(test), "label": test}} if test else {}
    return TaskDataset(Task("mood", kind, data=data))


def test_of_one_label_it_is_the_most_frequent_one_in_training():
    dataset = _dataset("classification", ["a", "a", "b"], ["b", "b", "a", "b"])
    assert constant_answer(dataset, "train") == ConstantAnswer(("a",), 2, 3)
    assert constant_answer(dataset, "test") == ConstantAnswer(("a",), 1, 4)


def test_of_several_labels_those_with_the_best_f1():
    dataset = _dataset("multilabel", [["a", "b"], ["a", "b"], ["a", "c"], ["a"]])
    answer = constant_answer(dataset, "train")
    assert answer.labels == ("a", "b")
    assert answer.count / answer.of == pytest.approx(2 * 6 / (8 + 7))


def test_numbers_and_spans_have_none():
    assert constant_answer(_dataset("tagging", ["B-x O", "O O"]), "train") is None
