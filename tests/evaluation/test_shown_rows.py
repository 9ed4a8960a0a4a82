"""Rows that are shown as a table."""

from mtl_keras.evaluation.shown_rows import ShownRows


def test_rows_are_a_list_a_text_and_html():
    rows = ShownRows([{"text": "<b>\x1b", "score": "0.5000"}], ["a & b"])
    assert rows[0]["score"] == "0.5000"
    assert str(rows).splitlines()[2:] == ["<b>\\x1b  0.5000", "a & b"]
    shown = rows._repr_html_()
    assert "&lt;b&gt;\\x1b" in shown
    assert shown.endswith("<p>a &amp; b</p>")
