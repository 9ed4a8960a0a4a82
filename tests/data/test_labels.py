"""A label has one spelling, and what is suspicious about labels."""

import math

import numpy as np
import pytest

from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import LabelReader, as_label, fault_of_found, joined, look_alike


@pytest.mark.parametrize(
    ("value", "label"),
    [
        *((one, "1") for one in (1, 1.0, "1", "1.0", " 1.00 ", "1.", np.int64(1), np.float32(1))),
        *((kept, kept) for kept in ("010", "1:30", "1_000", "1.10", "+1", "1e3", "True", "no")),
        (-2.0, "-2"),
        (0.5, "0.5"),
        (np.float32(0.1), "0.1"),
        (10**17, "1" + "0" * 17),
        ("  spam\t", "spam"),
        ("new\u00a0york", "new york"),
        ("new  york", "new york"),
        ("two\nlines", "two lines"),
        ("cafe\u0301", "café"),
        ("\ufeffpos", "pos"),
        ("p\u200bo\u00ads\u200c", "pos"),
        ("e\u200b\u0301", "é"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_a_label_has_one_spelling(value, label):
    assert as_label(value) == label
    assert as_label(label) == label


@pytest.mark.parametrize(
    "value", [True, np.True_, None, math.nan, math.inf, -math.inf, ["a"], {}, 10**400, b"a"]
)
def test_what_is_no_label_is_refused(value):
    with pytest.raises(RowError, match="a label must be a string or a number"):
        as_label(value)


def test_a_reader_keeps_what_it_used_and_what_it_left_out():
    reader = LabelReader({"1": "good", "2": "bad"})
    assert [reader.read(cell) for cell in ("1.0", 1, "g\u200bood")] == ["good"] * 3
    assert (reader.used, reader.hidden) == ({"1"}, 1)
    with pytest.raises(RowError, match="the row has no label"):
        reader.read("\u200b ")


@pytest.mark.parametrize(
    "label", ["nan", "NaN", "NULL", "<NA>", "#N/A", '"pos"', "'pos'", "[a", "{'a': 1}"]
)
def test_what_looks_like_no_label_is_taken_for_a_mistake(label):
    assert "list the task's labels" in fault_of_found(label)


@pytest.mark.parametrize("label", ["none", "''", "``", '"', "[", ":)", "'s", "n", "-LRB-", "1"])
def test_labels_of_signs_and_words_are_none(label):
    assert fault_of_found(label) == ""


def test_labels_that_look_alike_are_found():
    assert joined(["a, b;x", "c;x", "d;y"]) == ["a, b;x", "c;x"]
    assert look_alike(["１", "1.0", "-0", "0"]) == [("１", "1.0"), ("-0", "0")]
    labels = ["spam", "Spam", "ham", "1", "+1", "1e0", "ａ", "a", "❤", "❤\ufe0f", "b"]
    assert look_alike(labels) == [
        ("spam", "Spam"),
        ("1", "+1", "1e0"),
        ("ａ", "a"),
        ("❤", "❤\ufe0f"),
    ]
    assert look_alike(["sci tech", "sci_tech", "SciTech", "sci-tech"]) == [
        ("sci tech", "sci_tech", "SciTech")
    ]
    assert joined(["a", "b", "a;b", "x, y", "b|c"]) == ["a;b", "b|c"]
