"""What is known of a file is used until the file changes, and never when it is damaged."""

import os

import pytest

from mtl_keras.errors import InputError
from mtl_keras.storage import file_cache
from mtl_keras.storage.file_cache import SMALLEST, cache_folder, remembered

QUESTION = {"facts": "size"}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder of its own, for files that have just been written too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_cache, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(file_cache, "SMALLEST", SMALLEST)
    return tmp_path / "cache" / "mtl_keras" / "files"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.csv"
    path.write_bytes(b"x" * SMALLEST)
    return path


def _size(path, question=QUESTION):
    """What `remembered` says of a file, and whether it was read for it."""
    read = []

    def find():
        read.append(path)
        return {"size": path.stat().st_size}

    return remembered(str(path), question, find)["size"], bool(read)


def test_a_file_is_read_once_for_each_question(kept, file):
    assert [_size(file)[1] for _ in range(3)] == [True, False, False]
    assert _size(file, {"facts": "another"})[1]
    assert len(list(kept.iterdir())) == 2


def test_a_file_that_changed_is_read_again_though_size_and_time_were_put_back(kept, file):
    _size(file)
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(b"y" * SMALLEST)
    os.utime(file, ns=times)
    assert file.stat().st_mtime_ns == times[1]
    assert _size(file)[1]
    assert not _size(file)[1]
    assert len(list(kept.iterdir())) == 1  # in the place of what was known before


def test_of_a_folder_every_file_counts(kept, tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    for name in ("seq.in", "label"):
        (folder / name).write_bytes(b"x" * SMALLEST)
    assert [_size(folder)[1] for _ in range(2)] == [True, False]
    (folder / "label").write_bytes(b"y" * SMALLEST)
    assert _size(folder)[1]


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_damaged_entries_are_not_used(kept, file, share):
    _size(file)
    (entry,) = kept.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[: int(share * len(whole))])
    assert _size(file) == (SMALLEST, True)
    entry.write_bytes(whole.replace(str(SMALLEST).encode(), b"77777", 1))
    assert _size(file) == (SMALLEST, True)
    assert entry.read_bytes() == whole


def test_a_file_that_may_be_written_still_and_a_small_one_are_not_kept(kept, file, monkeypatch):
    monkeypatch.setattr(file_cache, "SETTLED_SECONDS", 3600.0)
    assert [_size(file)[1] for _ in range(2)] == [True, True]
    monkeypatch.setattr(file_cache, "SETTLED_SECONDS", 0.0)
    file.write_bytes(b"x")
    assert [_size(file)[1] for _ in range(2)] == [True, True]
    assert not kept.exists()


def test_what_is_wrong_is_not_kept(kept, file):
    def find():
        raise InputError("line 7")

    for _ in range(2):
        with pytest.raises(InputError, match="line 7"):
            remembered(str(file), QUESTION, find)
    assert not kept.exists()


def test_without_a_folder_to_write_in_it_is_read_each_time(kept, file, tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "occupied"))
    assert [_size(file) for _ in range(2)] == [(SMALLEST, True)] * 2


def test_the_folder_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for relative in ("", "here"):  # the XDG specification has relative paths ignored
        monkeypatch.setenv("XDG_CACHE_HOME", relative)
        assert cache_folder() == tmp_path / ".cache" / "mtl_keras" / "files"
