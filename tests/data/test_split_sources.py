"""The files of a split."""

import pytest

from mtl_keras.data.split_sources import check_training, find_sources
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError


def _task(*files):
    return Task("mood", files={"train": files})


def test_every_missing_file_is_refused_once(tmp_path):
    (tmp_path / "a.csv").touch()
    with pytest.raises(InputError, match=r"c\.csv: no such file"):
        find_sources(_task("a.csv", "c.csv", "*.tsv"), "train", tmp_path)
    faults = []
    paths = find_sources(_task("a.csv", "c.csv", "*.tsv"), "train", tmp_path, faults.append)
    assert paths == [str(tmp_path / "a.csv")]
    assert [str(fault).partition(": ")[2] for fault in faults] == [
        "no such file; did you mean 'a.csv'?",
        "no file matches this pattern",
    ]


def test_a_file_that_is_listed_twice_is_read_once(tmp_path):
    (tmp_path / "a.csv").touch()
    faults = []
    assert len(find_sources(_task("a.csv", "*.csv"), "train", tmp_path, faults.append)) == 1
    assert "listed twice" in str(*faults)


def test_training_files_are_needed_for_labels_and_for_a_validation_split():
    with pytest.raises(InputError, match="no training files to find its labels in"):
        check_training(Task("a", files={"test": "a.csv"}), ())
    with pytest.raises(InputError, match="must be read first"):
        check_training(Task("a", labels=["x", "y"], files={"train": "a.csv"}), ["train"])
    check_training(Task("a", files={"train": "a.csv"}), ["test"])
