"""The records of a CSV file, with their lines."""

import csv
from collections.abc import Iterator

from mtl_keras.data.rows import Refuse, raise_at_once
from mtl_keras.errors import InputError
from mtl_keras.storage.files import raw_lines
from mtl_keras.storage.limits import ROW


def csv_records(
    path: str,
    delimiter: str = ",",
    encoding: str | None = None,
    refuse: Refuse = raise_at_once,
) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file, each with the line where it begins; one is in memory at a time.

    Args:
        path: of the file.
        delimiter: the one character between fields.
        encoding: as in `read_lines`.
        refuse: receives records that are not CSV, but not a first one, which may be the header, nor
            a quote that is never closed.

    Raises:
        InputError: the file cannot be read, or is not CSV; or a record (quoted fields may span many
            lines) has more characters than `limits.ROW` allows.
    """
    csv.field_size_limit(max(csv.field_size_limit(), ROW.most + 1))
    lines = _RowLines(path, encoding)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line, is_first = 1, True
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            fault = InputError(f"{path}:{line}: {_csv_fault(str(error))}")
            if is_first or lines.are_read:
                raise fault from None
            refuse(fault)
            fields = []
        if fields is None:
            return
        if fields:
            yield line, fields
        line, is_first = reader.line_num + 1, is_first and not fields
        lines.begin_row(line)


class _RowLines(Iterator[str]):
    """A file's lines. Raises if the lines of one row together exceed `limits.ROW`.

    Attributes:
        are_read: whether there are no more lines.
    """

    def __init__(self, path: str, encoding: str | None):
        self._path, self._lines, self._most = path, raw_lines(path, encoding), ROW.most
        self.are_read = False
        self.begin_row(1)

    def begin_row(self, line: int) -> None:
        """Starts a new row at the next line."""
        self._row, self._left = line, self._most

    def __next__(self) -> str:
        try:
            line = next(self._lines)
        except StopIteration:
            self.are_read = True
            raise
        self._left -= len(line)
        if self._left < 0:
            raise InputError(
                f"{self._path}:{self._row}: a row of {ROW}; is a quote in it never closed?"
            )
        return line


def _csv_fault(message: str) -> str:
    if "unexpected end" in message:
        return "a quote opens in this row and is never closed; close it"
    if "expected after" in message:
        return (
            'characters after a closing quote; write a quote inside a quoted field twice: ""; if '
            "quotes mean nothing in this file, set format: tsv and its delimiter"
        )
    if "new-line character" in message:
        return "a carriage return outside quotes; quote its field, or save with LF line ends"
    return f"not CSV: {message}"
