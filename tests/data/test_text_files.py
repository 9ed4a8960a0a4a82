"""Texts of a file, with the columns beside them."""

import gzip

import pytest

from mtl_keras.data.arrow_rows import CURE
from mtl_keras.data.text_files import TextRow, text_rows
from mtl_keras.errors import InputError

ROWS = [{"id": "7", "body": "late, again"}, {"id": "8", "body": "é\nfine"}]
FILES = {
    "rows.csv": 'id,body\n7,"late, again"\n8,"é\nfine"\n',
    "rows.jsonl": '{"id": "7", "body": "late, again"}\n\n{"id": "8", "body": "é\\nfine"}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_has_the_same_rows(tmp_path, name):
    plain, packed = tmp_path / name, tmp_path / f"{name}.gz"
    plain.write_text(FILES[name], encoding="utf-8")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        rows = list(text_rows(str(path), "body"))
        assert rows == [TextRow(fields["body"], fields) for fields in ROWS]


def test_a_parquet_file_keeps_its_types(tmp_path):
    pa = pytest.importorskip("pyarrow", reason=CURE)
    path = tmp_path / "rows.parquet"
    pa.parquet.write_table(pa.Table.from_pylist([{"id": 7, "text": "a"}]), path)
    assert list(text_rows(str(path))) == [TextRow("a", {"id": 7, "text": "a"})]


def test_other_files_have_a_text_a_line_and_tsv_no_quotes(tmp_path):
    (tmp_path / "lines.txt").write_text("a,b\n\nc\n")
    assert [row.text for row in text_rows(str(tmp_path / "lines.txt"))] == ["a,b", "", "c"]
    (tmp_path / "rows.tsv").write_text('text\tid\n"a"\t1\n')
    assert [row.text for row in text_rows(str(tmp_path / "rows.tsv"))] == ['"a"']


def test_the_only_column_needs_no_name(tmp_path):
    (tmp_path / "one.csv").write_text("body\na\n")
    assert [row.text for row in text_rows(str(tmp_path / "one.csv"))] == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.csv", "id,body\n1,a\n", None, r"a.csv:2: no column 'text'; .*; give --column"),
        ("a.csv", "id,body\n1,a\n", "boddy", r"no column 'boddy'; .* did you mean 'body'\?"),
        ("a.csv", "text,id\na\n", None, r"a.csv:2: 1 field, expected 2 as in the first line"),
        ("a.csv", "text,text\na,b\n", None, r"a.csv:1: two columns are named 'text'; rename one"),
        ("a.jsonl", '{"text": 3}\n', None, r"a.jsonl:1: 'text' is no text. Received: 3"),
        ("a.jsonl", '{"text": "a"}\n["b"]\n', None, r"a.jsonl:2: expected a JSON object"),
        ("a.jsonl", '{"text": "a"}\n{"id": 1}\n', None, r"a.jsonl:2: no column 'text'"),
        ("a.parquet", "no parquet", None, r"a.parquet: cannot be read: .*; give a complete"),
        ("a.txt", "a\n", "body", r"a.txt: one text a line, which has no columns"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(tmp_path, name, content, column, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        list(text_rows(str(path), column))


def test_a_file_without_rows_has_no_texts(tmp_path):
    (tmp_path / "a.csv").write_text("text,id\n")
    (tmp_path / "a.jsonl").write_text("")
    assert not [*text_rows(str(tmp_path / "a.csv")), *text_rows(str(tmp_path / "a.jsonl"))]
