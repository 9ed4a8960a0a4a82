"""Columns and cells that formats with named columns share."""

import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.data.records import check_columns, joined_text
from mtl_keras.errors import InputError


def test_columns_may_be_called_by_numbers():
    assert check_columns("frame", Columns(text=(0, 1), label=2), range(3)) == (0, 1, 2)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["bodi", "label"], "frame: no column 'body'; there are 'bodi', 'label'; did you mean"),
        ([], "frame: no column 'body'; there are"),
        (["body", "label", "body"], "frame: two columns are named 'body'; rename one"),
    ],
)
def test_columns_that_are_not_there_or_twice_are_refused(names, message):
    with pytest.raises(InputError, match=message):
        check_columns("frame", Columns(text="body"), names)


def test_texts_of_several_columns_are_joined_and_are_strings():
    assert joined_text("row 1", ["a", "b"]) == "a b"
    with pytest.raises(InputError, match="row 1: a text of several columns is joined from strings"):
        joined_text("row 1", ["a", None])
    with pytest.raises(InputError, match="row 1: half a surrogate pair"):
        joined_text("row 1", ["a\ud800"])
