"""A message is one line of a length that can be read."""

import pytest

from mtl_keras.errors import LONGEST, InputError, WorkError, first_line, nearest


@pytest.mark.parametrize("kind", [InputError, WorkError])
def test_a_message_is_one_readable_line(kind):
    assert str(kind("a\nb\x1b[31m\u2028 é")) == "a\\nb\\x1b[31m\\u2028 é"
    long = str(kind("recipe.yaml:3: " + "x\n" * 10_000 + "; the cure"))
    assert len(long) <= LONGEST + 3
    assert long.startswith("recipe.yaml:3: xx"[:16]) and long.endswith("; the cure")


def test_the_nearest_names_are_hinted_at_if_any_is_near():
    names = ["train", "test", "strain"]
    assert nearest("tran", names) == "; did you mean 'train'?"
    assert nearest("tran", names, count=2) == "; did you mean 'train' or 'strain'?"
    assert nearest("validation", names) == ""
    assert nearest("tree", names, cutoff=0.5) == "; did you mean 'test'?"
    assert nearest("tree", names) == ""


def test_the_first_line_of_an_error_is_what_it_says_or_its_kind():
    assert first_line(OSError("\n no way\nat all")) == "no way"
    assert first_line(EOFError()) == "EOFError"
