"""Parquet and Arrow files, and what gives an Arrow stream."""

import sys

import pytest

from mtl_keras.data.arrow_rows import CURE
from mtl_keras.data.columns import Columns
from mtl_keras.data.file_formats import read_rows
from mtl_keras.data.tables import Table
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

pa = pytest.importorskip("pyarrow", reason=CURE)
ipc = pytest.importorskip("pyarrow.ipc", reason=CURE)
parquet = pytest.importorskip("pyarrow.parquet", reason=CURE)

TABLE = pa.table({"id": [1, 2, 3], "body": ["aa", "bé", "c"], "topic": ["x", "y", "x"]})
COLUMNS = Columns(text="body", label="topic")
ROWS = [(1, "aa", "x"), (2, "bé", "y"), (3, "c", "x")]


def _feather(path, table):
    with ipc.new_file(path, table.schema) as file:
        file.write_table(table, max_chunksize=2)


def _stream(path, table):
    with ipc.new_stream(path, table.schema) as file:
        file.write_table(table)


WRITERS = {
    "rows.parquet": lambda path, table: parquet.write_table(table, path),
    "rows.feather": _feather,
    "rows.arrow": _stream,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_gives_its_rows(tmp_path, name):
    path = str(tmp_path / name)
    WRITERS[name](path, TABLE)
    assert list(read_rows(path, COLUMNS)) == ROWS
    with pytest.raises(InputError, match=r"no column 'text'; there are 'id', 'body', 'topic'"):
        list(read_rows(path, Columns(label="topic")))
    with pytest.raises(InputError, match="has no delimiter and no encoding; leave them out"):
        list(read_rows(path, Columns(encoding="cp1252")))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("cut", [0, 3, 40, 200])
def test_a_file_that_is_not_whole_is_refused_in_a_line(tmp_path, name, cut):
    path = tmp_path / name
    WRITERS[name](str(path), TABLE)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=rf"{name}: cannot be read: .*; give a complete"):
        list(read_rows(str(path), COLUMNS))


def test_a_task_reads_parquet_and_names_its_rows(tmp_path):
    path = tmp_path / "rows.parquet"
    table = pa.table({"text": ["a", "b", None, "c"] * 3, "label": ["x", "y"] * 6})
    parquet.write_table(table, path)
    with pytest.raises(InputError, match=r"rows\.parquet:3: the text must be a string.*fill it in"):
        TaskDataset(Task("topic", files={"train": path}))


def test_what_can_be_read_once_is_read_once_and_a_table_at_each_pass():
    for data in (TABLE, pa.RecordBatchReader.from_stream(TABLE)):
        table = Table("topic, train data", data)
        assert [list(table.rows(COLUMNS)) for _ in range(2)] == [ROWS, ROWS]
    assert table.place(1) == "topic, train data, row 0"


def test_without_pyarrow_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"topic, train data: .*pip install 'mtl_keras\[arrow\]'"):
        Task("topic", data={"train": TABLE})
