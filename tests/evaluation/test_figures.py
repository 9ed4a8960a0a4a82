"""How scores are written."""

from mtl_keras.evaluation.figures import figure, interval_of, notes_of, values_of

METRICS = {
    "examples": 9,
    "span_f1": None,
    "loss": 0.5,
    "low": None,
    "high": None,
    "notes": {"span_f1": "undefined: no span"},
}


def test_what_is_undefined_is_a_dash_and_has_its_note():
    assert {name: figure(value) for name, value in values_of(METRICS).items()} == {
        "span_f1": "-",
        "loss": "0.5000",
    }
    assert interval_of(METRICS) == interval_of({}) == "-"
    assert notes_of({"test": {"places": METRICS, "topic": {}}}) == [
        "places, test: span_f1 undefined: no span"
    ]
