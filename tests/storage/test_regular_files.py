"""Only regular files are opened, and no more of them is read than a limit allows."""

import gzip
import os
import socket
import tracemalloc

import pytest

from mtl_keras.errors import UnsafeFileError
from mtl_keras.storage import regular_files
from mtl_keras.storage.limits import FILES, SMALL_FILE, UNPACKED
from mtl_keras.storage.regular_files import (
    bytes_read,
    check_regular,
    check_regular_files,
    open_regular,
    open_unpacked,
    read_whole,
)


@pytest.fixture(params=["pipe", "socket", "device", "link to a device"])
def special(request, tmp_path):
    """The path of what is no regular file, and what a message calls it."""
    path = tmp_path / "x.csv"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as opened, pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)  # the path of a socket is short
            opened.bind(path.name)
    else:
        path.symlink_to("/dev/zero")
    return path, request.param.split()[-1]


@pytest.mark.parametrize("read", [check_regular, open_regular, open_unpacked, read_whole])
def test_what_is_no_regular_file_is_refused_without_waiting(read, special):
    path, kind = special
    with pytest.raises(UnsafeFileError, match=rf"x\.csv: is a {kind}, not a regular file"):
        read(path)


def test_a_path_that_becomes_a_pipe_while_it_is_opened_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "x")
    monkeypatch.setattr(regular_files, "check_regular", lambda path: None)
    with pytest.raises(UnsafeFileError, match="is a pipe"):
        open_regular(tmp_path / "x")


def test_a_folder_holds_regular_files_to_some_depth(special):
    path, kind = special
    inner = path.parent / "folder" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "x").touch()
    check_regular_files(inner.parents[1])
    for place in (inner, inner.parent, inner.parents[1]):
        (place / "y").hardlink_to(path) if kind != "device" else (place / "y").symlink_to(path)
        with pytest.raises(UnsafeFileError, match=rf"y: is a {kind}"):
            check_regular_files(inner.parents[1])
        (place / "y").unlink()


def test_a_folder_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(FILES.variable, "10")
    for number in range(11):
        (tmp_path / str(number)).touch()
    with pytest.raises(UnsafeFileError, match="holds more than 10 files"):
        check_regular_files(tmp_path)


def test_a_file_that_is_read_whole_has_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setenv(SMALL_FILE.variable, "10")
    (tmp_path / "x").write_bytes(b"x" * 10)
    assert read_whole(tmp_path / "x") == b"x" * 10
    (tmp_path / "x").write_bytes(b"x" * 11)
    with pytest.raises(UnsafeFileError, match=r"x: has more than 10 bytes \(set MTL_KERAS_MAX_FI"):
        read_whole(tmp_path / "x")


def test_a_large_file_is_refused_before_it_is_in_memory(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        file.truncate(1 << 40)  # it has holes
    tracemalloc.start()
    with pytest.raises(UnsafeFileError, match="has more than 33,554,432 bytes"):
        read_whole(tmp_path / "x")
    assert tracemalloc.get_traced_memory()[1] < 3 * SMALL_FILE.most
    tracemalloc.stop()


def test_what_a_gz_unpacks_to_is_in_proportion(tmp_path, monkeypatch):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"x\n" * 9_000_000))
    with (
        open_unpacked(tmp_path / "x.gz") as file,
        pytest.raises(UnsafeFileError, match=r"x\.gz: unpacks to more than 200 times its size \("),
    ):
        while file.read(1 << 20):
            pass
    monkeypatch.setenv(UNPACKED.variable, "5000")
    with open_unpacked(tmp_path / "x.gz") as file:
        assert sum(len(part) for part in iter(lambda: file.read(1 << 20), b"")) == 18_000_000


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_it_is_known_how_much_of_a_file_was_read(name, tmp_path):
    path, content = tmp_path / name, os.urandom(200_000)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with open_unpacked(path) as file:
        assert bytes_read(path) == 0
        file.read(100_000)
        assert bytes_read(path) == pytest.approx(100_000, abs=70_000)
    assert bytes_read(path) is None
