"""What a training was made from."""

import os
import shutil
import subprocess

import pytest

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.runs.provenance import describe_changes, fingerprints, git_states, provenance


@pytest.fixture
def datasets(tmp_path):
    rows = "fine,good\nbroken,bad\n" * 10
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text(f"text,label\n{rows}")
    task = Task("mood", files={"train": "train.csv", "test": "test.csv"})
    return {"mood": TaskDataset(task, base_folder=tmp_path)}


def _git(folder, *arguments):
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    environment = os.environ | identity | dict.fromkeys(names, "x")
    command = ["git", "-C", folder, *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_data_that_changed_are_named(datasets, tmp_path):
    before = fingerprints(datasets, tmp_path)
    assert describe_changes(before, fingerprints(datasets, tmp_path)) is None
    with (tmp_path / "test.csv").open("a") as file:
        file.write("fine,bad\n")
    now = fingerprints(datasets, tmp_path)
    assert describe_changes(before, now) == "changed since the run began: 'test.csv'"


def test_files_that_were_not_read_are_reported_by_size_and_time(datasets, tmp_path):
    files = {"train": "train.csv", "validation": "test.csv"}
    task = Task("mood", labels=["good", "bad"], files=files)
    unread, read = (
        {"mood": TaskDataset(task, base_folder=tmp_path, unread=splits)}
        for splits in (["train"], ())
    )
    before = fingerprints(unread, tmp_path)
    assert before["train.csv"].startswith("size and time of modification: ")
    assert len(before["test.csv"]) == 64
    assert describe_changes(before, fingerprints(read, tmp_path, like=before)) is None
    assert (
        describe_changes(fingerprints(read, tmp_path), fingerprints(unread, tmp_path)) is not None
    )
    os.utime(tmp_path / "train.csv", ns=(0, 0))
    now = fingerprints(read, tmp_path, like=before)
    assert describe_changes(before, now) == "changed since the run began: 'train.csv'"


def test_a_folder_of_parallel_lines_is_its_files(tmp_path):
    (tmp_path / "train").mkdir()
    for name, line in (("seq.in", "a b"), ("seq.out", "O B-x"), ("label", "y")):
        (tmp_path / "train" / name).write_text(f"{line}\n" * 20)
    task = Task("slots", kind="tagging", files={"train": "train"})
    actual = fingerprints({"slots": TaskDataset(task, base_folder=tmp_path)}, tmp_path)
    assert set(actual) >= {"train/seq.in", "train/seq.out"}


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_datas_state_in_git_is_reported_and_nothing_of_the_repository_runs(datasets, tmp_path):
    files = [str(tmp_path / name) for name in ("test.csv", "train.csv")]
    assert git_states(files, tmp_path) == {}
    _git(tmp_path, "init", "-q")
    assert git_states(files, tmp_path) == {}
    _git(tmp_path, "add", "train.csv", "test.csv")
    _git(tmp_path, "commit", "-qm", "data")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    assert git_states(files, tmp_path) == {".": {"commit": commit, "changed": []}}
    for hook in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge"):
        _git(tmp_path, "config", hook, f"touch {tmp_path}/ran; cat")
    (tmp_path / ".gitattributes").write_text("*.csv filter=x\n")
    with (tmp_path / "test.csv").open("a") as file:
        file.write("fine,bad\n")
    assert provenance(datasets, tmp_path)["git"] == {
        ".": {"commit": commit, "changed": ["test.csv"]}
    }
    assert not (tmp_path / "ran").exists()


def test_tables_from_memory_have_checksums_of_their_rows(tmp_path):
    rows = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(9)]
    dataset = TaskDataset(Task("topic", data={"train": rows}))
    before = fingerprints({"topic": dataset}, tmp_path)
    assert [*before] == ["topic, train data"]
    assert fingerprints({"topic": dataset}, tmp_path, like=before) == before
    rows[3] = {"text": "changed", "label": "a"}
    now = fingerprints({"topic": dataset}, tmp_path, like=before)
    assert describe_changes(before, now) == "changed since the run began: 'topic, train data'"
