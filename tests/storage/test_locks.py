"""One writer per folder."""

import json
import os
import subprocess
import sys

import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.storage.locks import LOCK, check_unlocked, one_writer

HOLDER = """
import sys
from mtl_keras.storage.locks import one_writer
with one_writer(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path / "run"`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_the_second_learns_who_the_first_is_and_a_killed_ones_lock_is_taken_over(holder, tmp_path):
    folder = tmp_path / "run"
    who = rf"{folder}: process {holder.pid} on \S+, started \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\S+, is"
    for refused in (lambda: check_unlocked(folder), one_writer(folder).__enter__):
        with pytest.raises(InputError, match=who):
            refused()
    holder.kill()
    holder.wait()
    assert (folder / LOCK).is_file()
    check_unlocked(folder)
    with one_writer(folder):
        assert json.loads((folder / LOCK).read_bytes())["pid"] == os.getpid()


def test_the_lock_goes_with_the_work(tmp_path):
    with pytest.raises(ZeroDivisionError), one_writer(tmp_path / "run"):
        _ = 1 / 0
    assert list((tmp_path / "run").iterdir()) == []
    check_unlocked(tmp_path / "absent")


def test_one_that_has_not_said_who_it_is_still_holds(holder, tmp_path):
    (tmp_path / "run" / LOCK).write_bytes(b"")
    with pytest.raises(InputError, match="another process is writing here"):
        check_unlocked(tmp_path / "run")


def test_a_path_that_no_folder_can_have_is_refused():
    for refused in (lambda: check_unlocked("a\0"), one_writer("a\0").__enter__):
        with pytest.raises(InputError, match=r"a path cannot hold a null character"):
            refused()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WorkError, match="cannot be locked for writing: Not a directory"),
        one_writer(tmp_path / "file" / "run"),
    ):
        pass


@pytest.mark.parametrize("kind", ["symbolic link", "dangling link", "hard link", "pipe", "folder"])
def test_a_lock_that_is_no_file_of_its_own_is_refused_and_nothing_is_written(kind, tmp_path):
    mine, lock = tmp_path / "mine", tmp_path / "run" / LOCK
    mine.write_text("kept")
    lock.parent.mkdir()
    {
        "symbolic link": lambda: lock.symlink_to(mine),
        "dangling link": lambda: lock.symlink_to(tmp_path / "absent"),
        "hard link": lambda: lock.hardlink_to(mine),
        "pipe": lambda: os.mkfifo(lock),
        "folder": lock.mkdir,
    }[kind]()
    with pytest.raises(InputError, match=r"lock: is a link, or not a plain file, .*; remove it"):
        one_writer(lock.parent).__enter__()
    assert mine.read_text() == "kept"
    assert not (tmp_path / "absent").exists()


def test_a_folder_in_it_that_is_a_link_is_refused(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "best").symlink_to(tmp_path)
    with pytest.raises(
        InputError, match=r"best: is a symbolic link to '.*'.*; put a folder in its"
    ):
        one_writer(run).__enter__()
    assert [path.name for path in run.iterdir()] == ["best"]


def test_the_folder_itself_may_be_reached_through_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to("disk")
    for folder in (tmp_path / "runs", tmp_path / "runs" / "1"):
        with one_writer(folder):
            assert (folder / LOCK).is_file()
