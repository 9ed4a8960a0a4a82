"""Where files keep text and label; what else of it is tested: tests/data/test_task.py."""

import pytest

from mtl_keras.data.columns import Columns, given_label
from mtl_keras.errors import InputError


def test_labels_have_one_spelling():
    assert given_label(" 1.0 ") == given_label(1) == "1"
    with pytest.raises(InputError):
        given_label(True)


def test_a_delimiter_is_one_character():
    assert Columns(delimiter="tab").delimiter == "\t"
    with pytest.raises(InputError, match="delimiter is the one character between fields"):
        Columns(delimiter="||")
