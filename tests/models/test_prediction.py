"""Answers: their form and offsets."""

import numpy as np
import pytest

import mtl_keras as mtl


@pytest.fixture(scope="module")
def model(trained):
    return mtl.load_model(trained / "model.keras")


TEXTS = [
    "aaa bbb",
    "",
    "   ",
    "é aaa, ü.",
    "(aaa) \U0001f600aaa",
    "\x00\x01",
    "[SEP] [CLS] aaa",
    "شكرا aaa",
    "a" * 5000,
    "aaa " * 500,
    "line one\nline two aaa",
]


@pytest.mark.slow
def test_offsets_are_characters_of_the_text(model):
    answers = mtl.answer(model, TEXTS)
    assert [answer["text"] for answer in answers] == TEXTS
    assert [answer["text"] for answer in answers if not answer["read"]] == ["aaa " * 500]
    actual = 0
    for answer in answers:
        for entity in answer["entities"]:
            assert answer["text"][entity["start"] : entity["end"]] == entity["text"]
            assert 0 < entity["score"] <= 1
            actual += 1
    assert actual > 0


@pytest.mark.slow
@pytest.mark.parametrize("graph", [True, False])
def test_a_text_is_answered_alike_alone_and_among_others(model, graph):
    together = mtl.answer(model, TEXTS, batch_size=4)
    for text, expected in zip(TEXTS, together, strict=True):
        (alone,) = mtl.answer(model, [text], graph=graph)
        assert alone["topic"]["label"] == expected["topic"]["label"]
        assert alone["topic"]["score"] == pytest.approx(expected["topic"]["score"], abs=1e-5)
        assert len(alone["entities"]) == len(expected["entities"])


def test_no_texts_no_answers(model):
    assert mtl.answer(model, []) == []


@pytest.mark.slow
def test_multilabel_and_regression_have_their_own_form(tiny_encoder):
    tasks = [
        mtl.Task("tags", kind="multilabel", labels=["x", "y"]),
        mtl.Task("stars", kind="regression"),
    ]
    model = mtl.MultiTaskModel(tiny_encoder(), tasks)
    model.get_layer("tags_head").dense.bias.assign([9.0, -9.0])
    (answer,) = mtl.answer(model, ["aaa"])
    assert answer["tags"]["labels"] == ["x"]
    assert set(answer["tags"]["scores"]) == {"x", "y"}
    assert np.isfinite(answer["stars"]["value"])
