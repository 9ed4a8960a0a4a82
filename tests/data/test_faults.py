"""Faults are collected by kind."""

import json

import pytest

from mtl_keras.data.faults import MOST_KINDS, FaultCollector, kind_of
from mtl_keras.errors import InputError


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.csv:3: unknown label 'it\\'s'; the labels are 'a'", 'b.csv:4: unknown label "b"; x'),
        ("a.csv:1: 3 fields, expected 2 as in line 1; put", "a.csv:9: 1 fields, expected 4 as in"),
        (
            "m, train data, row 3: the text is empty; x",
            "m, train data, row 4 (index 7): the text is empty",
        ),
        (
            "a.csv:1: expected a number, such as 3.5. Received: [1]",
            "b: expected a number, such as 3",
        ),
    ],
)
def test_a_kind_has_no_places_and_values(one, other):
    assert kind_of(one) == kind_of(other)


def test_each_split_has_its_own_faults_and_few_kinds_are_held():
    collector = FaultCollector("mood")
    for split in ("train", "test"):
        for line in range(25):
            collector.add(split, InputError(f"a.csv:{line}: the text is empty"))
    assert [(fault.split, len(fault.messages), fault.more) for fault in collector.faults] == [
        ("train", 20, 5),
        ("test", 20, 5),
    ]
    assert collector.faults[0].in_words()[-1] == "… and 5 more of this kind"
    assert json.loads(json.dumps(collector.faults[0].to_json()))["more"] == 5
    letters = "abcdefghijklmnopqrstuvwxyz"
    for a in letters:
        for b in letters:
            collector.add("train", InputError(f"a.csv: fault {a}{b}"))
    assert len(collector.faults) == MOST_KINDS + 1
    assert sum(fault.count for fault in collector.faults) == 50 + len(letters) ** 2
