"""What is in its place is whole, and on the disk."""

import ast
import contextlib
import errno
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import threading

import pytest
from support.rights import bound_by_rights, failing
from support.rooms import modules

from mtl_keras.errors import InputError, WorkError
from mtl_keras.storage import writing
from mtl_keras.storage.writing import make_folder, remove_partial, write_whole


def _write(path):
    path.write_text("new")


def _write_folder(path):
    path.mkdir()
    (path / "inside").write_text("new")
    (path / "deep").mkdir()
    (path / "deep" / "er").write_text("new")


@pytest.mark.parametrize("write", [_write, _write_folder])
def test_nothing_is_written_through_a_symbolic_link(write, tmp_path):
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    for path in (folder, elsewhere):
        path.mkdir()
    (elsewhere / "mine").write_text("kept")
    for target in ("mine", ".", "absent"):
        for name in ("x", ".partial-x"):
            (folder / name).symlink_to(elsewhere / target)
        write_whole(folder / "y", write)
        with contextlib.suppress(WorkError):  # a folder takes no file's place, nor a link's
            write_whole(folder / "x", write)
        assert {path.name: path.read_text() for path in elsewhere.iterdir()} == {"mine": "kept"}
        shutil.rmtree(folder)
        folder.mkdir()


def test_a_link_in_a_files_place_is_replaced(tmp_path):
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "x").symlink_to("mine")
    write_whole(tmp_path / "x", _write)
    assert (tmp_path / "x").read_text() == "new"
    assert not (tmp_path / "x").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "x"]


def test_a_folder_may_be_reached_through_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to("disk")
    write_whole(tmp_path / "runs" / "1" / "x", _write)
    assert (tmp_path / "disk" / "1" / "x").read_text() == "new"


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "make room and try again"),
        (errno.EROFS, "choose another place, or mount the disk for writing"),
        (errno.EACCES, "give yourself the right to it (chmod, chown), or choose another place"),
    ],
)
def test_what_fails_leaves_nothing_and_says_why(tmp_path, number, cure):
    def fail(path):
        _write(path)
        raise OSError(number, os.strerror(number), str(path))

    with pytest.raises(WorkError) as raised:
        write_whole(tmp_path / "x", fail)
    line = f"{tmp_path / 'x'}: cannot be written: {os.strerror(number)}; {cure}"
    assert str(raised.value) == line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [InputError, WorkError, OSError])
def test_no_message_names_the_place_where_it_was_made(tmp_path, kind):
    def fail(path):
        raise kind(f"{path / 'deep'}: differs")

    with pytest.raises((InputError, WorkError), match=f"{tmp_path / 'x' / 'deep'}: differs"):
        write_whole(tmp_path / "x", fail)


def test_a_folder_without_rights_is_reported(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    with bound_by_rights(), pytest.raises(WorkError, match="x: cannot be written: Permission den"):
        write_whole(folder / "x", _write)


def test_a_read_only_disk_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(writing.tempfile, "mkdtemp", failing(errno.EROFS, "/x/.partial-1"))
    with pytest.raises(WorkError, match="x: cannot be written: Read-only file system; choose anot"):
        write_whole(tmp_path / "x", _write)


class Disk:
    """Records what is on the disk, by inode: content by `fsync`, as it was then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.synced: dict[int, int] = {}  # inode → time of modification
        self.renamed: list[str] = []
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "replace", self.replace)

    def fsync(self, opened):
        self._fsync(opened)
        facts = os.fstat(opened)
        self.synced[facts.st_ino] = facts.st_mtime_ns

    def holds(self, path) -> bool:
        facts = os.stat(path)
        return self.synced.get(facts.st_ino) == facts.st_mtime_ns

    def replace(self, source, place):
        inside = [os.path.join(p, n) for p, ns, fs in os.walk(source) for n in (*ns, *fs)]
        assert all(map(self.holds, (source, *inside))), "renamed before it is on the disk"
        self._replace(source, place)
        self.renamed.append(os.fspath(place))


@pytest.mark.parametrize("write", [_write, _write_folder])
def test_what_is_renamed_is_on_the_disk_before_and_its_name_after(write, tmp_path, monkeypatch):
    disk, path = Disk(monkeypatch), tmp_path / "runs" / "1" / "x"
    write_whole(path, write)
    assert disk.renamed == [str(path)]
    assert all(map(disk.holds, (tmp_path, tmp_path / "runs")))
    # The folder where it was made went after that; its going need not be on the disk.
    assert path.parent.stat().st_ino in disk.synced


def test_every_file_is_put_in_its_place_here():
    """Of all modules only this one renames, so that what holds here holds for every writer."""
    renames = {
        name: call.lineno
        for name, path in modules().items()
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _renames(call)
    }
    assert [*renames] == ["storage.writing"]


def _renames(call: ast.Call) -> bool:
    """`Path.replace` has one argument; that of strings has two, that of dataclasses has names."""
    name = getattr(call.func, "attr", "")
    is_path = name == "replace" and len(call.args) == 1 and not call.keywords
    return is_path or name in ("rename", "renames") or ast.unparse(call.func) == "os.replace"


def test_a_file_system_that_syncs_no_folder_is_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL))
    write_whole(tmp_path / "x", _write)
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(WorkError, match="y: cannot be written: Input/output error; the disk or"):
        write_whole(tmp_path / "y", _write)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
def test_two_writers_of_one_file_leave_it_whole(tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
    faults: list[Exception] = []

    def write_often(content: str) -> None:
        try:
            for _ in range(20):
                write_whole(tmp_path / "x", lambda path: path.write_text(content * 1000))
        except Exception as error:
            faults.append(error)

    writers = [threading.Thread(target=write_often, args=(content,)) for content in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not faults
    assert set((tmp_path / "x").read_text()) in ({"a"}, {"b"})
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


KILLED = """
import os, signal, sys
from pathlib import Path
from mtl_keras.storage.writing import write_whole
def write(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
write_whole(Path(sys.argv[1]), write)
"""


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "x"], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".partial-")
    mine = tmp_path / ".partial-mine"
    mine.mkdir()
    opened = os.open(mine, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    os.close(opened)
    write_whole(tmp_path / "x", _write)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_is_made_with_those_above_it(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "b")


def test_a_file_may_have_the_longest_name(tmp_path):
    write_whole(tmp_path / ("x" * 255), _write)
    with pytest.raises(WorkError, match="File name too long; choose a shorter name"):
        write_whole(tmp_path / ("x" * 256), functools.partial(_write))
