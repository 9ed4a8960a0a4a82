"""Rows of delimited fields: CSV and TSV."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from mtl_keras.data.columns import Columns
from mtl_keras.data.csv_records import csv_records
from mtl_keras.data.rows import Note, Refuse, Row, counted, raise_at_once
from mtl_keras.errors import InputError, listed, nearest, shown
from mtl_keras.storage.files import read_lines

Records = Iterable[tuple[int, list[str]]]
_EXCEL = re.compile('"?sep=(.)"?')  # the first line of some files for Excel
SEPARATORS = "\t;,|"


def csv_rows(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Rows of a CSV file, whose fields may be in quotes."""
    declared = _EXCEL.fullmatch(next(read_lines(path, columns.encoding), ""))
    delimiter = columns.delimiter or (declared[1] if declared else ",")
    records = csv_records(path, delimiter, columns.encoding, refuse)
    if declared:
        next(records, None)
    sign = shown(delimiter) if columns.delimiter else "a comma"
    cure = f"put a field that holds {sign} in quotes"
    return delimited_rows(path, columns, records, cure, note, refuse)


def tsv_rows(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Rows of a TSV file, in which quotes mean nothing."""
    delimiter = columns.delimiter or "\t"
    lines = enumerate(read_lines(path, columns.encoding), 1)
    records = ((line, string.split(delimiter)) for line, string in lines if string)
    sign = shown(delimiter) if columns.delimiter else "a tab"
    cure = f"a field of a TSV file cannot hold {sign}"
    return delimited_rows(path, columns, records, cure, note, refuse)


def delimited_rows(
    path: str, columns: Columns, records: Records, cure: str, note: Note, refuse: Refuse
) -> Iterator[Row]:
    """Text and label of each record. The first record may name the columns.

    Args:
        path: of the file.
        columns: where text and label are.
        records: fields with their lines.
        cure: for a row with too many or too few fields, in errors.
        note: receives rows whose fields are still in quotes.
        refuse: receives rows that have more or fewer fields than the first, or repeat the header.

    Raises:
        InputError: a column does not exist.
    """
    records = iter(records)
    first = next(records, None)
    if first is None:
        return
    text, label, has_header = _positions(path, *first, columns)
    first_line, header = first
    names = _folded(header)
    for line, fields in records if has_header else itertools.chain([first], records):
        if len(fields) != len(header):
            hint = _separator_hint(fields) or _other_separator(header, fields)
            refuse(
                InputError(
                    f"{path}:{line}: {counted(len(fields), 'field')}, expected {len(header)} as in "
                    f"line {first_line}; {cure}{hint}"
                )
            )
            continue
        if (
            has_header
            and fields[label].casefold().strip() == names[label]
            and (_folded(fields) == names)
        ):
            repeats = f"this row repeats the header in line {first_line}; remove it"
            refuse(InputError(f"{path}:{line}: {repeats}"))
            continue
        joined = " ".join([fields[place] for place in text])
        may_be_in_quotes = '"' in joined or '"' in fields[label]
        if may_be_in_quotes and any(_is_in_quotes(fields[place]) for place in (*text, label)):
            note("quoted", line, "")
        yield line, joined, fields[label]


def _folded(fields: Iterable[str]) -> list[str]:
    return [field.strip().casefold() for field in fields]


def _is_in_quotes(field: str) -> bool:
    """Whether a field begins and ends with a quote, which a CSV reader would have removed."""
    stripped = field.strip()
    return len(stripped) > 1 and stripped[0] == stripped[-1] == '"'


def _positions(
    path: str, line: int, fields: list[str], columns: Columns
) -> tuple[list[int], int, bool]:
    """Positions of the text and of the label, and whether the first line is a header."""
    wanted = (*columns.text_columns, columns.label)
    by_name = any(isinstance(column, str) for column in wanted)
    if by_name and columns.header is False:
        raise InputError(
            f"{path}: without a header, columns are positions from 0. Received: {listed(wanted)}"
        )
    names = [name.strip() for name in fields]
    places = [_position(f"{path}:{line}", column, names) for column in wanted]
    if places[-1] % len(names) in [place % len(names) for place in places[:-1]]:
        raise InputError(
            f"{path}:{line}: text and label are the same column. Received: {listed(wanted)}"
            f"{_separator_hint(names)}"
        )
    return places[:-1], places[-1], by_name if columns.header is None else columns.header


def _position(where: str, column: str | int, names: list[str]) -> int:
    hint = _separator_hint(names)
    if isinstance(column, int):
        if -len(names) <= column < len(names):
            return column
        raise InputError(
            f"{where}: no column {column}; there are {len(names)}, counted from 0{hint}"
        )
    if names.count(column) == 1:
        return names.index(column)
    if column in names:
        raise InputError(f"{where}: two columns are named {column!r}; give a position from 0")
    raise InputError(
        f"{where}: no column {column!r}; the first line has {listed(names)}"
        f"{hint or nearest(column, names)}; without a header, give positions from 0"
    )


def _separator_hint(fields: Sequence[str]) -> str:
    """The cure if the delimiter or the encoding seems to be another."""
    if any("\0" in field for field in fields):
        return "; if this is UTF-16, set encoding: utf-16-le (or utf-16-be)"
    unsplit = [sign for sign in SEPARATORS if len(fields) == 1 and sign in fields[0]]
    if not unsplit:
        return ""
    name = "tab" if unsplit[0] == "\t" else unsplit[0]
    return f"; this line is separated by {shown(unsplit[0])}: set delimiter: '{name}'"


def _other_separator(first: Sequence[str], second: Sequence[str]) -> str:
    """The cure if a character occurs equally often in both rows."""
    for sign in SEPARATORS:
        number = sum(field.count(sign) for field in first)
        if number and number == sum(field.count(sign) for field in second):
            name = "tab" if sign == "\t" else sign
            return f"; if {shown(sign)} separates, set delimiter: '{name}'"
    return ""
