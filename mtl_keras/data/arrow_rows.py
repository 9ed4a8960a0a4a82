"""Reads Arrow data with PyArrow: Parquet and Arrow files, and objects with an Arrow stream.

PyArrow is an extra, because it takes 50 MB and text files, lists and pandas frames do not need it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mtl_keras.data.cells import plain_cell
from mtl_keras.data.columns import Columns
from mtl_keras.data.records import check_columns, joined_rows
from mtl_keras.data.rows import Note, Refuse, Row, raise_at_once
from mtl_keras.errors import InputError, first_line
from mtl_keras.storage.regular_files import open_regular

if TYPE_CHECKING:
    import pyarrow

BATCH = 1024  # rows of a file that are in memory at once
CURE = "pip install 'mtl_keras[arrow]'"


def parquet_rows(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Rows of a Parquet file; the first is line 1."""
    _import(path)
    from pyarrow import parquet

    def batches(file: Any) -> Iterable[pyarrow.RecordBatch]:
        opened = parquet.ParquetFile(file)
        names = opened.schema_arrow.names
        wanted = check_columns(path, columns, names)
        return opened.iter_batches(BATCH, columns=list(wanted))

    return _rows_of_file(path, columns, "Parquet", batches, refuse)


def arrow_file_rows(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Rows of an Arrow (Feather) file or stream; the first is line 1."""
    pa = _import(path)

    def batches(file: Any) -> Iterable[pyarrow.RecordBatch]:
        try:
            opened = pa.ipc.open_file(file)
        except pa.ArrowInvalid:
            file.seek(0)
            opened = pa.ipc.open_stream(file)
            return opened
        return (opened.get_batch(number) for number in range(opened.num_record_batches))

    return _rows_of_file(path, columns, "Arrow", batches, refuse)


def parquet_records(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row of a Parquet file as column → cell; the first is line 1."""
    _import(path)
    from pyarrow import parquet

    with _reading(path, "; give a complete Parquet file"), open_regular(path) as file:
        batches = parquet.ParquetFile(file).iter_batches(BATCH)
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
        yield from enumerate(rows, 1)


class ArrowStream:
    """Data with an Arrow stream (PyCapsule interface): Polars frames, PyArrow tables, …

    Args:
        name: of the data, in errors.
        data: has `__arrow_c_stream__`. An iterator is read once, now.

    Raises:
        InputError: PyArrow is not installed.
    """

    def __init__(self, name: str, data: Any):
        pa = _import(name)
        self._name, self._open = name, pa.RecordBatchReader.from_stream
        self._data = self._open(data).read_all() if isinstance(data, Iterator) else data

    def records(self, columns: Columns, refuse: Refuse) -> Iterator[Sequence[Any]]:
        """The cells of the columns, row by row."""
        with _reading(self._name, "; give a table with named columns, such as a frame"):
            reader = self._open(self._data)
            wanted = check_columns(self._name, columns, reader.schema.names)
            yield from _records(reader, wanted)

    def place(self, row: int) -> str:
        """The name of a row, counted from 0."""
        return f"row {row}"


def _rows_of_file(
    path: str, columns: Columns, kind: str, batches: Any, refuse: Refuse
) -> Iterator[Row]:
    if columns.delimiter or columns.encoding:
        raise InputError(f"{path}: {kind} has no delimiter and no encoding; leave them out")
    with _reading(path, f"; give a complete {kind} file"), open_regular(path) as file:
        records = (
            record
            for batch in batches(file)
            for record in _records([batch], check_columns(path, columns, batch.schema.names))
        )
        places = ((line, f"{path}:{line}", record) for line, record in enumerate(records, 1))
        yield from joined_rows(places, refuse)


def _records(batches: Iterable[pyarrow.RecordBatch], wanted: Sequence) -> Iterator[Sequence[Any]]:
    for batch in batches:
        cells = [batch.column(name).to_pylist() for name in wanted]
        for record in zip(*cells, strict=True):
            yield tuple(map(plain_cell, record))


@contextlib.contextmanager
def _reading(name: str, cure: str = "") -> Iterator[None]:
    """Reports data that PyArrow cannot read as wrong input."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name}: cannot be read: {first_line(error)}{cure}") from None


def _import(name: str) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        raise InputError(f"{name}: Arrow data is read by PyArrow; {CURE}") from None
    return pyarrow
