"""Forms of answers, as they are served and said."""

import pytest

from mtl_keras.data.answer_forms import FORMS, character_span, form_of
from mtl_keras.errors import WorkError

ROWS = {
    "label": {"label": b"x", "score": 0.75, "scores": [0.75, 0.25]},
    "labels": {"label": [b"y", b""], "count": 1, "scores": [0.25, 0.75]},
    "number": {"value": 1.5},
    "passages": {
        "label": [b"x", b""],
        "starts": [2, 0],
        "limits": [3, 0],
        "score": [0.5, 0.0],
        "count": 1,
    },
}
SAID = {
    "label": "x (0.75)",
    "labels": "y (0.75)",
    "number": "1.5",
    "passages": "b (x, 0.50)",
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_served_row_is_recognised_read_and_said(form):
    row = ROWS[form.name]
    assert form_of([*row]) is form
    assert form.in_words(form.read(row, "a b", ["x", "y"])) == SAID[form.name]


def test_padding_is_no_answer():
    (passage,) = form_of(["starts"]).read(ROWS["passages"], "a b", [])
    assert passage == {"start": 2, "end": 3, "text": "b", "label": "x", "score": 0.5}
    assert form_of(["count"]).read(ROWS["labels"], "a b", ["x", "y"])["labels"] == ["y"]


def test_outputs_of_no_form_are_refused():
    with pytest.raises(WorkError, match="the outputs loss fit no known kind of task"):
        form_of(["loss"])


def test_offsets_inside_a_character_are_rounded_down():
    assert character_span("é🙂x".encode(), 1, 6) == (0, 2)  # bytes 0-2, 2-6, 6-7
