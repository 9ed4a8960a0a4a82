"""Answers are written beside the rows that were asked."""

import csv
import json

import pytest

from mtl_keras.data.answer_files import Answered, check_answer_file, write_answers
from mtl_keras.data.answer_forms import LABEL, LABELS, NUMBER, PASSAGES
from mtl_keras.data.arrow_rows import CURE
from mtl_keras.data.text_files import TextRow
from mtl_keras.errors import InputError

FORMS = {"topic": LABEL, "tags": LABELS, "stars": NUMBER, "names": PASSAGES}
SPAN = {"start": 0, "end": 1, "text": "a", "label": "X", "score": 0.5}
ANSWER = {
    "text": "a",
    "read": True,
    "topic": {"label": "x", "score": 0.75, "scores": {"x": 0.75, "y": 0.25}},
    "tags": {"labels": ["q", "r"], "scores": {"q": 0.75, "r": 0.5, "s": 0.25}},
    "stars": {"value": 2.5},
    "names": [SPAN],
}


def _rows(count=1, **fields):
    return [
        Answered(TextRow("a", {"id": number, "text": "a"} | fields), ANSWER)
        for number in range(count)
    ]


def test_json_lines_have_the_row_and_the_answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    write_answers(str(path), _rows(2), FORMS)
    first, second = map(json.loads, path.read_text().splitlines())
    answers = {key: value for key, value in ANSWER.items() if key != "text"}
    assert first == {"id": 0, "text": "a", "answers": answers}
    assert second["id"] == 1


def test_tables_have_a_column_for_each_part_of_an_answer(tmp_path):
    pa = pytest.importorskip("pyarrow", reason=CURE)
    for name in ("answers.csv", "answers.parquet"):
        write_answers(str(tmp_path / name), _rows(3), FORMS)
    with open(tmp_path / "answers.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert rows[0] == {
        "id": "0",
        "text": "a",
        "read": "True",
        "topic/label": "x",
        "topic/score": "0.75",
        "tags/labels": '["q", "r"]',
        "tags/scores": "[0.75, 0.5]",
        "stars/value": "2.5",
        "names/passages": json.dumps([SPAN]),
    }
    of_parquet = pa.parquet.read_table(tmp_path / "answers.parquet").to_pylist()
    assert [{key: str(cell) for key, cell in row.items()} for row in of_parquet] == rows


@pytest.mark.parametrize(
    ("rows", "name", "message"),
    [
        (_rows(answers=1), "a.jsonl", "the input has a column 'answers', which is one of answers"),
        (_rows(read=1), "a.csv", "the input has a column 'read', which is one of answers"),
        (_rows() + _rows(more=1), "a.csv", "rows of the input differ in their columns"),
        (_rows(2000) + _rows(id="x"), "a.parquet", "cells of a column differ in type"),
    ],
)
def test_rows_that_make_no_table_are_refused_and_leave_no_file(tmp_path, rows, name, message):
    pytest.importorskip("pyarrow", reason=CURE)
    path = tmp_path / name
    with pytest.raises(InputError, match=message):
        write_answers(str(path), rows, FORMS)
    assert list(tmp_path.iterdir()) == []


def test_where_answers_can_be_written(tmp_path):
    asked = tmp_path / "asked.csv"
    asked.write_text("text\na\n")
    check_answer_file(str(tmp_path / "new.csv"), str(asked))
    for path, message in (
        (asked, "--output is the file of --input; choose another"),
        (tmp_path / "a.xlsx", "ends in '.csv', '.jsonl', '.parquet'"),
        (tmp_path / "absent" / "a.csv", "--output is a file in an existing folder"),
        (tmp_path, "ends in '.csv', '.jsonl', '.parquet'"),
    ):
        with pytest.raises(InputError, match=message):
            check_answer_file(str(path), str(asked))
