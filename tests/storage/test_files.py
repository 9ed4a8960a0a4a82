"""Finding files and reading their lines."""

import gzip
import os
import re
import sys
import tracemalloc

import pytest

from mtl_keras.errors import InputError, listed, shown
from mtl_keras.storage import files
from mtl_keras.storage.files import find_files, member_files, read_lines
from mtl_keras.storage.limits import FILES, ROW, UNPACKED


def test_globs_are_sorted_and_paths_keep_their_order(tmp_path):
    for name in ("b2.csv", "b1.csv", "a.csv", "deep.tsv"):
        (tmp_path / name).touch()
    actual = find_files(["b*.csv", "a.csv", "**/*.tsv"], tmp_path)
    assert actual == [str(tmp_path / name) for name in ("b1.csv", "b2.csv", "a.csv", "deep.tsv")]


def test_a_file_may_have_the_name_of_a_glob(tmp_path):
    folder = tmp_path / "run [1]"
    folder.mkdir()
    (folder / "a[1].csv").touch()
    (folder / "b1.csv").touch()
    assert find_files(["a[1].csv", "b?.csv"], folder) == [
        str(folder / "a[1].csv"),
        str(folder / "b1.csv"),
    ]


def test_an_absolute_path_needs_no_base_folder(tmp_path):
    (tmp_path / "a.csv").touch()
    assert find_files([str(tmp_path / "*.csv")], "elsewhere") == [str(tmp_path / "a.csv")]


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "train.csv").touch()
    where = re.escape(str(tmp_path / "trian.csv"))
    with pytest.raises(InputError, match=rf"^{where}: no such file; did you mean 'train.csv'\?$"):
        find_files(["trian.csv"], tmp_path)
    with pytest.raises(InputError, match=r"part-\*\.csv: no file matches this pattern$"):
        find_files(["part-*.csv"], tmp_path / "absent")


def test_a_file_comes_once(tmp_path):
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    for patterns in (["a.csv", "./a.csv"], ["a.csv", "*.csv"], ["a.csv", "b.csv"]):
        with pytest.raises(InputError, match=r"\.csv: listed twice among the files of one split"):
            find_files(patterns, tmp_path)


def test_a_path_may_begin_at_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").touch()
    assert find_files(["~/a.csv"], "elsewhere") == [str(tmp_path / "a.csv")]
    assert find_files(["~/*.csv"], "elsewhere") == [str(tmp_path / "a.csv")]


def test_what_is_no_regular_file_is_no_data(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    (tmp_path / "b.csv").symlink_to("/dev/zero")
    for pattern in ("a.csv", "*.csv", "b.csv", "/dev/zero", "/dev/nul[l]"):
        with pytest.raises(InputError, match=r"a (pipe|device), not a regular file"):
            find_files([pattern], tmp_path)
    (tmp_path / "b.csv").unlink()
    assert member_files(str(tmp_path)) == []


def test_a_folder_of_too_many_files_is_no_data(tmp_path, monkeypatch):
    monkeypatch.setenv(FILES.variable, "10")
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "x").touch()
    assert len(member_files(str(tmp_path))) == 5
    (tmp_path / "y").touch()
    for folder in (str(tmp_path), "/"):
        with pytest.raises(InputError, match=r"the folder holds more than 10 files \(set MTL_KER"):
            member_files(folder)


def test_a_name_with_a_line_end_is_reported_on_one_line(tmp_path):
    with pytest.raises(InputError, match=r"two\\nlines\.csv: no such file$"):
        find_files(["two\nlines.csv"], tmp_path / "absent")


def test_only_a_line_feed_ends_a_line(tmp_path):
    file = tmp_path / "lines.txt"
    text = "\ufeffone\r\ntwo\u2028half\x85\x0b\x0c\n\nNUL\0here\ra\r\nlast"
    file.write_bytes(text.encode())
    lines = ["one", "two\u2028half\x85\x0b\x0c", "", "NUL\0here\ra", "last"]
    assert list(read_lines(file)) == lines
    packed = tmp_path / "lines.txt.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert list(read_lines(packed)) == lines


@pytest.mark.parametrize("before", [0, 5000])
def test_bytes_that_are_not_utf8_are_reported_with_their_line(tmp_path, before):
    file = tmp_path / "latin.txt"
    file.write_bytes(b"fine\n" * before + "café\n".encode("latin-1") + b"fine\n" * 5000)
    with pytest.raises(InputError, match=rf"latin\.txt:{before + 1}: not UTF-8; save"):
        list(read_lines(file))


def test_half_a_character_at_the_end_is_not_utf8(tmp_path):
    file = tmp_path / "half.txt.gz"
    file.write_bytes(gzip.compress(b"one\ncaf" + "é".encode()[:1]))
    with pytest.raises(InputError, match=r"half\.txt\.gz:2: not UTF-8"):
        list(read_lines(file))


@pytest.mark.parametrize(
    "content",
    [b"plain", gzip.compress(b"a,b\n" * 999)[:-9], gzip.compress(b"x" * 99)[:12] + b"!" * 9],
    ids=["not packed", "cut", "overwritten"],  # what is packed holds the time
)
def test_a_broken_gz_is_reported(tmp_path, content):
    file = tmp_path / "broken.csv.gz"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.csv\.gz: cannot be read: ."):
        list(read_lines(file))


def test_a_file_that_may_not_be_read_is_reported(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(files, "open_unpacked", refuse)
    with pytest.raises(InputError, match=r"x\.csv: cannot be read: Permission denied; give"):
        list(read_lines(tmp_path / "x.csv"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a folder that opens like a file")
def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(read_lines(tmp_path))


def test_what_messages_quote_is_short_and_on_one_line():
    assert shown("two\nlines") == r"'two\nlines'"
    assert len(shown("x" * 1000)) < 61
    assert listed("abc", limit=2) == "'a', 'b', … (3 in all)"


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_a_line_without_an_end_is_refused_before_it_is_in_memory(name, tmp_path, monkeypatch):
    monkeypatch.setenv(ROW.variable, "1000")
    monkeypatch.setenv(UNPACKED.variable, "5000")
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack("é".encode() * 1000))
    assert list(read_lines(tmp_path / name)) == ["é" * 1000]
    (tmp_path / name).write_bytes(pack(b"fine\n" + b"x" * 50_000_000))
    tracemalloc.start()
    with pytest.raises(InputError, match=rf"{name}:2: a line of more than 1,000 characters \(set"):
        list(read_lines(tmp_path / name))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
