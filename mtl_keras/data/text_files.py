"""Files of texts to answer, whose other columns are kept."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from mtl_keras.data.arrow_rows import parquet_records
from mtl_keras.data.csv_records import csv_records
from mtl_keras.data.json_rows import json_records
from mtl_keras.data.rows import counted
from mtl_keras.errors import InputError, listed, nearest, shown
from mtl_keras.storage.files import read_lines

COLUMN = "text"  # unless another is given
Record = dict[str, Any]


class TextRow(NamedTuple):
    """A text, and the row that it is part of.

    Args:
        text: to answer.
        fields: column → cell of the row; the text too.
    """

    text: str
    fields: Record


def text_rows(path: str, column: str | None = None) -> Iterator[TextRow]:
    """The texts of a file, with their rows; one is in memory at a time.

    `.csv` and `.tsv` files begin with the names of their columns, `.jsonl` and `.ndjson` have an
    object a line, `.parquet` files need PyArrow. Any other file has one text a line. All but
    Parquet files may be gzipped (`.gz`).

    Args:
        path: of the file.
        column: of the texts; None: `text`, or the only column.

    Raises:
        InputError: there is no such file or column, a row does not fit, or a text is no string.

    Example:

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "mails.csv")
    >>> _ = file.write_text("id,body\\n7,late again\\n")
    >>> next(text_rows(str(file), "body"))
    TextRow(text='late again', fields={'id': '7', 'body': 'late again'})
    """
    read = _READERS.get(_suffix(path))
    if read is None:
        if column is not None:
            raise InputError(
                f"{path}: one text a line, which has no columns; leave --column out, or give a "
                f"file whose name ends in {listed(_READERS)}"
            )
        lines = read_lines(path)
        return (TextRow(line, {COLUMN: line}) for line in lines)
    return _chosen(path, read(path), column)


def _chosen(path: str, rows: Iterator[tuple[int, Record]], column: str | None) -> Iterator[TextRow]:
    first = next(rows, None)
    if first is None:
        return
    line, names = first[0], list(first[1])
    name = column or (names[0] if len(names) == 1 else COLUMN)
    for line, fields in itertools.chain([first], rows):
        if name not in fields:
            cure = nearest(name, fields) or "; give --column"
            raise InputError(
                f"{path}:{line}: no column {shown(name)}; there are {listed(fields)}{cure}"
            )
        text = fields[name]
        if not isinstance(text, str):
            raise InputError(f"{path}:{line}: {shown(name)} is no text. Received: {shown(text)}")
        yield TextRow(text, fields)


def _csv_rows(path: str) -> Iterator[tuple[int, Record]]:
    return _named(path, csv_records(path))


def _tsv_rows(path: str) -> Iterator[tuple[int, Record]]:
    lines = enumerate(read_lines(path), 1)
    return _named(path, ((line, string.split("\t")) for line, string in lines if string))


def _named(path: str, records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, Record]]:
    """The records after the first, by the names that this one holds."""
    _, names = next(records, (1, []))
    names = [name.strip() for name in names]
    _check_names(path, names)
    for line, fields in records:
        if len(fields) != len(names):
            raise InputError(
                f"{path}:{line}: {counted(len(fields), 'field')}, expected {len(names)} as in the "
                "first line; put a field that holds a comma in quotes"
            )
        yield line, dict(zip(names, fields, strict=True))


def _check_names(path: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}:1: two columns are named {shown(name)}; rename one")


def _json_rows(path: str) -> Iterator[tuple[int, Record]]:
    for line, record in json_records(path):
        if not isinstance(record, dict):
            raise InputError(f"{path}:{line}: expected a JSON object. Received: {shown(record)}")
        yield line, record


def _suffix(path: str) -> str:
    name = path.removesuffix(".gz")
    return os.path.splitext(name)[1].casefold()


_READERS: dict[str, Callable[[str], Iterator[tuple[int, Record]]]] = {
    ".csv": _csv_rows,
    ".tsv": _tsv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".parquet": parquet_records,
}
