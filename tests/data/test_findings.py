"""A finding is a sentence, and goes through JSON."""

import json

from mtl_keras.data.findings import Finding


def test_a_finding_names_the_nearest_label_of_each():
    finding = Finding(
        task="a", split="test", about="more", count=2, of=9, labels=("xs", "q"), nearest=("x", "")
    )
    sentence = "a, test: 2 of 9 labels do not occur in training, and count as wrong: "
    assert finding.in_words() == sentence + "'xs' (nearest 'x'), 'q'"
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


def test_findings_that_were_written_without_the_nearest_are_read():
    finding = Finding(task="a", split=None, about="alike", labels=("x", "X"))
    written = {name: value for name, value in finding.to_json().items() if name != "nearest"}
    assert Finding.from_json(written) == finding


def test_places_that_hold_commas_are_kept_apart():
    places = (("a, train data, row 0", "a, test data, row 3"), ("a, train data, row 1",))
    finding = Finding(task="a", split="test", about="near_empty", count=2, of=9, places=places)
    assert finding.in_words().endswith(
        ": a, train data, row 0 and a, test data, row 3; a, train data, row 1"
    )
    assert json.loads(json.dumps(finding.to_json()))["places"] == [list(rows) for rows in places]
