"""The records of a CSV file, with their lines."""

import csv
from collections.abc import Iterator

from mtl_keras.errors import InputError
from mtl_keras.storage.files import raw_lines
from mtl_keras.storage.limits import ROW


def csv_records(
    path: str, delimiter: str = ",", encoding: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file, each with the line where it begins; one is in memory at a time.

    Args:
        path: of the file.
        delimiter: the one character between fields.
        encoding: as in `read_lines`.

    Raises:
        InputError: the file cannot be read, or is not CSV; or a record (quoted fields may span many
            lines) has more characters than `limits.ROW` allows.
    """
    csv.field_size_limit(max(csv.field_size_limit(), ROW.most + 1))
    lines = _RowLines(path, encoding)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
            lines.begin_row(line)
    except csv.Error as error:
        raise InputError(f"{path}:{line}: {_csv_fault(str(error))}") from None


class _RowLines(Iterator[str]):
    """A file's lines. Raises if the lines of one row together exceed `limits.ROW`."""

    def __init__(self, path: str, encoding: str | None):
        self._path, self._lines, self._most = path, raw_lines(path, encoding), ROW.most
        self.begin_row(1)

    def begin_row(self, line: int) -> None:
        """Starts a new row at the next line."""
        self._row, self._left = line, self._most

    def __next__(self) -> str:
        line = next(self._lines)
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
