"""A message is one line of a length that can be read."""

import pytest

from mtl_keras.errors import LONGEST, InputError, WorkError


@pytest.mark.parametrize("kind", [InputError, WorkError])
def test_a_message_is_one_readable_line(kind):
    assert str(kind("a\nb\x1b[31m\u2028 é")) == "a\\nb\\x1b[31m\\u2028 é"
    long = str(kind("recipe.yaml:3: " + "x\n" * 10_000 + "; the cure"))
    assert len(long) <= LONGEST + 3
    assert long.startswith("recipe.yaml:3: xx"[:16]) and long.endswith("; the cure")
