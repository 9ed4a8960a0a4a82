"""Spans of characters become words and tags."""

import pytest

from mtl_keras.data.character_spans import are_spans, read_spans, spans_of, words_and_tags
from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import LabelReader

TEXT = "Ada, from Leeds-Bradford."


def _read(text, cell):
    return [
        (word, span.label if span else None, first)
        for word, span, first in words_and_tags(text, spans_of(text, cell))
    ]


@pytest.mark.parametrize(
    "cell",
    [
        [[10, 15, "city"], [0, 3, "person"]],
        [{"start": 0, "end": 3, "label": "person"}, {"start": 10, "end": 15, "label": "city"}],
        [
            {"start_offset": 0, "end_offset": 3, "label": "person"},
            {"start": 10, "end": 15, "text": "Leeds", "labels": ["city"]},
        ],
    ],
)
def test_every_tools_spans_are_read_alike(cell):
    assert are_spans(cell)
    assert _read(TEXT, cell) == [
        ("Ada", "person", True),
        (",", None, False),
        ("from", None, False),
        ("Leeds", "city", True),
        ("-", None, False),
        ("Bradford", None, False),
        (".", None, False),
    ]


def test_a_span_of_many_words_begins_once():
    assert _read("in New York!!", [[3, 11, "x"]])[1:] == [
        ("New", "x", True),
        ("York", "x", False),
        ("!!", None, False),
    ]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ([[0, 99, "x"]], "is not within the text of 25 characters"),
        ([[3, 3, "x"]], "is not within"),
        ([["0", "3", "x"]], "two whole numbers and a label"),
        ([[0, 3]], "two whole numbers and a label"),
        ([{"label": "x"}], "two whole numbers and a label"),
        ([[0, 3, "x"], [2, 5, "y"]], r"the spans \(0, 3\) and \(2, 5\) overlap"),
        ([[4, 5, "x"]], "holds no word"),
        ([{"start": 0, "end": 3, "text": "Bob", "label": "x"}], "its text 'Bob'; offsets count"),
    ],
)
def test_spans_that_cannot_be_are_refused(cell, message):
    with pytest.raises(RowError, match=message):
        _read(TEXT, cell)


def test_spans_become_words_and_tags_and_are_counted():
    reader = LabelReader({"town": "city"})
    words, tags = read_spans(TEXT, [[10, 15, "town"], [0, 2, "person"]], reader)
    assert words == ("Ad", "a", ",", "from", "Leeds", "-", "Bradford", ".")
    assert tags == ["B-person", "O", "O", "O", "B-city", "O", "O", "O"]
    assert (reader.spans, reader.broken) == (2, 1)
