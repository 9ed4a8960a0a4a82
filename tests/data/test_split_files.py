"""The files of a split are read once, and known from then on."""

import pytest

from mtl_keras.data import clock, split_files
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.storage import file_cache


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Three files large enough to be remembered, and the names of those that are read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_cache, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(file_cache, "SMALLEST", 2**16)
    for number in range(3):
        _write(tmp_path / f"{number}.tsv", number)
    read, read_rows = [], split_files.read_rows

    def spied(path, columns, **options):
        read.append(path.rpartition("/")[2])
        return read_rows(path, columns, **options)

    monkeypatch.setattr(split_files, "read_rows", spied)
    return tmp_path, read


def test_data_that_were_in_memory_are_not_taken_for_a_file():
    task = Task("mood", labels=["bad", "good"], data={"test": [{"text": "fine", "label": "good"}]})
    written = Task("mood", files={"test": str(task.files["test"][0])}, labels=task.labels)
    with pytest.raises(InputError) as error:
        TaskDataset(written)
    assert str(error.value).startswith("task 'mood': its test data were in memory, and are in no f")


def _write(path, number, more=""):
    rows = (f"text {row} of file {number}\t{'abc'[row % 3]}\n" for row in range(4000))
    path.write_text("text\tlabel\n" + "".join(rows) + more)


def _open(folder, **options):
    return TaskDataset(Task("topic", files={"train": "*.tsv"}, **options), base_folder=folder)


def _facts(dataset):
    return dataset.task.labels, dataset.counts, dataset.label_counts


def test_the_second_start_reads_no_file_and_knows_the_same(files):
    folder, read = files
    first = _facts(_open(folder))
    assert read == ["0.tsv", "1.tsv", "2.tsv"]
    assert _facts(_open(folder)) == first
    assert len(read) == 3
    assert first[0] == ("a", "b", "c")
    assert sum(first[1].values()) == sum(counts.total() for counts in first[2].values()) == 12_000


def test_only_files_that_are_new_or_changed_are_read(files):
    folder, read = files
    _open(folder)
    _write(folder / "1.tsv", 1, more="one more\ta\n")
    _write(folder / "3.tsv", 3)
    opened = _open(folder)
    assert read[3:] == ["1.tsv", "3.tsv"]
    assert sum(opened.counts.values()) == 16_001
    texts = sorted(example.text for split in opened.counts for example in opened.examples(split))
    assert len(texts) == 16_001


def test_other_labels_are_another_question(files):
    folder, read = files
    _open(folder)
    assert _open(folder, labels=["c", "b", "a"]).task.labels == ("c", "b", "a")
    assert len(read) == 6
    for _ in range(2):
        with pytest.raises(InputError, match=r"0\.tsv:4: unknown label 'c'"):
            _open(folder, labels=["b", "a"])
    assert read[6:] == ["0.tsv"] * 2


def test_a_long_reading_says_how_far_it_is(files, monkeypatch):
    folder, _ = files
    monkeypatch.setattr(clock, "SECONDS_BETWEEN_REPORTS", 0.0)
    monkeypatch.setattr(split_files, "ROWS_BETWEEN_LOOKS", 2000)
    lines = []
    TaskDataset(Task("topic", files={"train": "*.tsv"}), base_folder=folder, report=lines.append)
    assert lines[-1] == "topic, train: 10,000 rows checked and counted, file 3 of 3"
