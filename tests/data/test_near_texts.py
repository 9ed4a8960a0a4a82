"""What near-duplicates have in common."""

import pytest

from mtl_keras.data.near_texts import is_near_empty, letters_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Great!", "great"),
        ("Your order 12 has been sent  today", "your order 345, has been sent today."),
        ("Déjà vu", "de\u0301ja\u0300 vu!"),
        ("Größe", "GRÖSSE"),
        ("ＡＢＣ ok", "abc OK"),
    ],
)
def test_near_duplicates_have_equal_letters(one, other):
    assert letters_of(one) == letters_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("track 7", "track 8"), ("12", "13"), ("कि", "की"), ("résumé", "resume")]
)
def test_short_texts_differ_in_numbers_and_all_in_accents(one, other):
    assert letters_of(one) != letters_of(other)


@pytest.mark.parametrize(
    ("text", "is_empty"),
    [("?", True), ("👍👍", True), (" a. ", True), ("ok", False)],
)
def test_a_text_of_signs_is_nearly_empty(text, is_empty):
    assert is_near_empty(text, letters_of(text)) == is_empty
