"""A task's part of a page."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.hostile import LABELS, hidden

from mtl_keras.data.task import Task
from mtl_keras.reports.answers import answers_section

MISTAKE = {"text": "aaa b", "expected": "x", "answered": "y", "score": 0.875}


def make_review(names: list[str], **changes) -> dict:
    counts = {"right": 4, "answered": 2, "matched": 1}
    size = len(names)
    return {
        "split": "test",
        "examples": 40,
        "wrong": 2,
        "labels": dict.fromkeys(names, counts),
        "labels_in_all": size,
        "matrix": {"labels": names, "left_out": 0, "counts": [[1] * size] * size},
        "confusions": [(names[0], names[1], 3)],
        "numbers": [],
        "calibration": [{"count": 4, "confidence": 0.5, "right": 0.5}],
        "mistakes": [MISTAKE | {"place": f"/data/test.csv:{n}"} for n in range(2, 12)],
    } | changes


def section(review: dict, **task) -> ElementTree.Element:
    html = answers_section(Task("topic", **task), review, Path("/data"), 1)
    return ElementTree.fromstring(html)


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_labels_have_their_precision_recall_and_f1():
    page = section(make_review(["x", "y"]))
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert ["x", "0.500", "0.250", "0.333", "4", "2"] in rows
    assert "2 of 40 test examples have a mistake." in words(page)


def test_mistakes_name_file_and_line_and_the_later_ones_unfold():
    page = section(make_review(["x", "y"]))
    assert "aaa b expected x, answered y (probability 0.875; test.csv:2)" in words(page)
    assert page.findtext(".//summary") == "4 more"
    assert [item.get("start") for item in page.iter("ol")] == ["1", "7"]


def test_of_a_thousand_labels_the_confused_ones_are_shown():
    names = [f"a_label_with_a_long_name_of_which_there_are_very_many_{n:03}" for n in range(12)]
    matrix = {"labels": names, "left_out": 988, "counts": [[1] * 13] * 13}
    page = section(make_review(names, labels_in_all=1000, matrix=matrix))
    text = words(page)
    assert "988 others are taken together" in text
    assert "988 labels with fewer mistakes are left out" in text
    assert "Most frequent confusions" in text
    heads = [cell.text for cell in page.find(".//table").iter("th") if cell.get("scope") == "col"]
    assert len({*heads}) == len(heads) == 13


def test_numbers_have_no_matrix():
    review = make_review(["x", "y"], matrix=None, calibration=[], numbers=[(1.0, 2.0)])
    page = section(review, kind="regression")
    assert "off by 0.875" in words(page)
    assert page.find(".//table") is None
    assert len([*page.iter("svg")]) == 1


@pytest.mark.parametrize("names", [["<script>&\"'", "$x$"], LABELS])
def test_names_cannot_break_out(names):
    mistake = MISTAKE | {"text": names[0], "expected": names[1], "place": f"/data/{names[0]}:1"}
    page = section(make_review(list(names), mistakes=[mistake]))
    assert not hidden(words(page))
    assert page.find(".//script") is None
