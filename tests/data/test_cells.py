"""Cells: what is read, and where words have an error."""

import pytest

from mtl_keras.data.cells import for_each_word, read_number, read_words, split_words
from mtl_keras.data.examples import RowError


def test_words_are_between_blanks_and_tabs_only():
    assert split_words(" a\tb\u00a0c  d ") == ["a", "b\u00a0c", "d"]
    assert read_words("a b") == read_words(["a", "b"]) == ("a", "b")


def test_numbers_are_finite_in_float32():
    assert read_number(" 3e38 ") == 3e38
    with pytest.raises(RowError, match="expected a finite number"):
        read_number(4e38)


def test_an_error_has_the_place_of_its_word():
    with pytest.raises(RowError, match="expected a number") as raised:
        for_each_word(read_number, ["1", "2", "x", "y"])
    assert raised.value.word == 2
