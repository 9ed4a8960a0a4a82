"""Words are judged by what changes without them."""

import pytest

from mtl_keras.data.answer_forms import LABEL, LABELS, NUMBER
from mtl_keras.serving.demo import occlusion as module
from mtl_keras.serving.demo.occlusion import Influence, occlusion


def _ask(texts):
    """A number of `good`s, and labels whose scores follow from it."""
    return [
        {
            "stars": {"value": text.count("good")},
            "mood": {"label": "up", "scores": {"up": text.count("good") / 4, "down": 0.0}},
            "flags": {"labels": ["up"], "scores": {"up": text.count("good") / 4, "down": 0.5}},
        }
        for text in texts
    ]


@pytest.mark.parametrize(("task", "form"), [("mood", LABEL), ("flags", LABELS)])
def test_a_word_counts_by_what_the_given_labels_lose_without_it(task, form):
    assert occlusion(_ask, task, form, "so good, é") == [
        Influence(0, 2, 0.0),
        Influence(3, 8, 0.25),
        Influence(9, 10, 0.0),
    ]


def test_a_number_may_rise_or_fall_and_a_blank_text_has_no_word(monkeypatch):
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 2)
    changes = [word.change for word in occlusion(_ask, "stars", NUMBER, "good bad good")]
    assert changes == [1, 0, 1]
    assert occlusion(_ask, "stars", NUMBER, "  ") == []


def test_only_the_first_words_of_a_long_text_are_tried():
    words = occlusion(_ask, "stars", NUMBER, "a " * 500)
    assert len(words) == module.MOST_WORDS
