"""Rows of fields: what separates them, headers in the middle, quotes that mean nothing."""

import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.data.delimited import csv_rows, tsv_rows
from mtl_keras.data.rows import ignore
from mtl_keras.errors import InputError


def _read(reader, folder, content, note=ignore, **columns):
    path = folder / "rows"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(reader(str(path), Columns(**columns), note))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "utf-16"])
def test_the_delimiter_and_the_encoding_may_be_said(tmp_path, encoding):
    content = 'text;label\r\n"é;, a";x\r\n'.encode(encoding)
    columns = {"delimiter": ";", "encoding": encoding}
    assert _read(csv_rows, tmp_path, content, **columns) == [(2, "é;, a", "x")]


@pytest.mark.parametrize(
    ("reader", "content", "columns", "cure"),
    [
        (csv_rows, "text;label\na;x\n", {}, "this line is separated by ';': set delimiter: ';'"),
        (csv_rows, "text\tlabel\na\tx\n", {}, "set delimiter: 'tab'"),
        (csv_rows, "a;x\n", {"text": 0, "label": 1}, "set delimiter: ';'"),
        (csv_rows, "a|x\n", {"text": 0, "label": -1}, "set delimiter: '|'"),
        (tsv_rows, "text,label\na,x\n", {}, "set delimiter: ','"),
        (csv_rows, "t\0e\0,l\0\n", {"text": 0, "label": 2}, "set encoding: utf-16-le"),
        (csv_rows, "a,b\nc;d\n", {"text": 0, "label": 1}, "set delimiter: ';'"),
    ],
)
def test_what_separates_is_said_with_the_cure(tmp_path, reader, content, columns, cure):
    with pytest.raises(InputError) as raised:
        _read(reader, tmp_path, content, **columns)
    assert cure in str(raised.value)


def test_a_header_in_the_middle_is_refused(tmp_path):
    with pytest.raises(InputError, match=":3: this row repeats the header in line 1; remove it"):
        _read(csv_rows, tmp_path, "text,label\na,x\nText, Label\n")


def test_quotes_that_are_part_of_a_field_are_noted(tmp_path):
    noted = []

    def note(*what):
        noted.append(what)

    _read(tsv_rows, tmp_path, 'text\tlabel\n"a"\tx\nb "c"\ty\n', note)
    _read(csv_rows, tmp_path, 'label,text\nx, "a"\ny,"b"\n', note)
    assert noted == [("quoted", 2, ""), ("quoted", 2, "")]


def test_a_file_of_quoted_tabs_is_csv_with_that_delimiter(tmp_path):
    content = 'text\tlabel\n"a\tb"\tx\n'
    assert _read(csv_rows, tmp_path, content, delimiter="tab") == [(2, "a\tb", "x")]


def test_excels_first_line_names_the_delimiter(tmp_path):
    assert _read(csv_rows, tmp_path, "sep=;\ntext;label\na,b;x\n") == [(3, "a,b", "x")]
    with pytest.raises(InputError, match=r":2: 3 fields, expected 2 .*; if ';' separates, set del"):
        _read(csv_rows, tmp_path, "a, b;x\nc, d, e;y\n", text=0, label=1)
