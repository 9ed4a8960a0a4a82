"""Words of an example and served passages."""

import pytest

from mtl_keras.models.kinds.served_words import word_of_passage, words_of_passage


def _span(text, part):
    start = text.index(part)
    return {"start": start, "end": start + len(part)}


def _starts(text):
    return [0, *(place + 1 for place, sign in enumerate(text) if sign == " ")]


@pytest.mark.parametrize(
    ("text", "part", "words"),
    [
        ("to Leeds now", "Leeds", (1, 2)),
        ("to Leeds, now", "Leeds", (1, 2)),
        ("to Leeds, now", ", now", (2, 3)),
        ("to (Leeds) now", "Leeds", (2, 2)),
        ("to (Leeds) now", "(Leeds) now", (1, 3)),
        ("zu Köln 漢字 🙂 x", "漢字 🙂", (2, 4)),
        ("to \ufeffLeeds now", "Leeds", (1, 2)),
        ("\u200b \u00a0Leeds now", "Leeds now", (1, 3)),
        ("\u200b Leeds", "Leeds", (1, 2)),
    ],
)
def test_a_passage_has_the_words_whose_first_visible_character_it_has(text, part, words):
    assert words_of_passage(_span(text, part), text, _starts(text)) == words


def test_a_passage_begins_in_one_word():
    text = "a (Leeds) b"
    parts = [_span(text, part) for part in ("a", "(", "Leeds", ")", "b")]
    assert [word_of_passage(part, _starts(text)) for part in parts] == [0, 1, 1, 1, 2]
