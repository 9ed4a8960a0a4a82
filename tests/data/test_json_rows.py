"""Rows of JSON lines and arrays."""

import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.data.json_rows import json_array, json_lines
from mtl_keras.data.rows import ignore
from mtl_keras.errors import InputError
from mtl_keras.storage import limits


def _read(reader, folder, content, columns=Columns()):  # noqa: B008  # a frozen value
    path = folder / "rows"
    path.write_text(content)
    return list(reader(str(path), columns, ignore))


def test_an_array_of_objects_is_read_with_its_lines(tmp_path):
    content = '\n[\n {"text": "a",\n  "label": 1},\n\n {"text": "b", "label": ["x"]}]\n'
    assert _read(json_array, tmp_path, content) == [(3, "a", 1), (6, "b", ["x"])]
    assert _read(json_array, tmp_path, "[ ]") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"text": "a"}\n{"text": "b"}',
            "holds one object per line, not one array; set format: jsonl",
        ),
        ('{"Play": [{"data": []}]}', "expected an array of objects. Received: dict with 'Play'"),
        ('[{"text": "a", "label": 1}\n {', ":2: not JSON: expected ',' or ']'"),
        ('[{"text": "a", "label": 1},', ":1: not JSON: "),
        ('[{"text": "a", "label": 1},]', ":1: not JSON: a comma before ']'; remove it"),
        ('[{"text": "a", "label": 1}]\n\n[{"text": "b"}]', ":3: more after the array, '[{\"text"),
        ("[] x", ":1: more after the array, 'x'"),
        ("[1]", ":1: expected a JSON object. Received: 1"),
        ("", "no example"),
        ("3", "Received: int"),
    ],
)
def test_what_is_no_array_of_objects_is_refused(tmp_path, content, message):
    with pytest.raises(InputError) as raised:
        _read(json_array, tmp_path, content)
    assert message in str(raised.value)


def test_an_array_has_a_most(tmp_path, monkeypatch):
    monkeypatch.setenv(limits.JSON_FILE.variable, "10")
    with pytest.raises(InputError, match=r"more than 10 characters .*; write JSON lines"):
        _read(json_array, tmp_path, '[{"text": "a", "label": 1}]')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "spans": []}', "no key 'label'; .*; set label: spans in columns"),
        ('{"id": 1, "data": {}, "annotations": []}', "Label Studio's full export: export JSON-MIN"),
        ('{"text": "a", "label": 1, "answer": "reject", "_task_hash": 1}', "--answer accept"),
        ('[{"text": "a"}]', "an array of objects is format: json"),
        ('{"text": "a", "label": 1} x', "more after the value; one object per line"),
    ],
)
def test_exports_of_tools_get_a_cure(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        _read(json_lines, tmp_path, line)
