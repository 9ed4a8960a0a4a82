"""Every label with its count, a split a column."""

from collections import Counter
from types import SimpleNamespace

from mtl_keras.cli.label_tables import MOST_LABELS, label_counts, print_label_counts
from mtl_keras.data.task import Task


def _dataset(labels, counts, more=()):
    return SimpleNamespace(
        task=Task("topic", labels=labels),
        label_counts={"train": Counter(counts), "test": Counter(more)},
        more_labels={"test": list(more)},
    )


def test_all_labels_are_counted_also_those_that_training_lacks(capsys):
    datasets = {"topic": _dataset(["1", "2"], {"1": 1200, "2": 1}, ["3"])}
    assert label_counts(datasets) == {
        "topic": {
            "1": {"train": 1200, "test": 0},
            "2": {"train": 1, "test": 0},
            "3": {"train": 0, "test": 1},
        }
    }
    print_label_counts(datasets)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0] == ["label", "of", "topic", "train", "test"]
    assert lines[2:] == [["1", "1,200", "0"], ["2", "1", "0"], ["3", "0", "1"]]


def test_of_many_labels_the_first_are_printed(capsys):
    labels = [f"l{number}" for number in range(MOST_LABELS + 7)]
    print_label_counts({"topic": _dataset(labels, {})})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == MOST_LABELS + 4
    assert lines[-1] == "… and 7 more"
