"""Names are short, and can be told apart."""

import pytest

from mtl_keras.reports.names import short, short_names


def test_long_names_lose_their_middle():
    assert short("x" * 40) == f"{'x' * 11}…{'x' * 6}"


@pytest.mark.parametrize(
    "names",
    [
        ["head_frozen:topic+distillation", "head_frozen:tone+distillation"],
        ["a" * 30 + "b" + "a" * 30 + "c" + "a" * 9, "a" * 30 + "b" + "a" * 30 + "d" + "a" * 9],
        ["x" * 40, "x" * 41],
        ["topic", "tone"],
    ],
)
def test_shortened_names_can_be_told_apart(names):
    shortened = short_names(names)
    assert [*shortened] == names
    assert len({*shortened.values()}) == len(names)
    assert all(len(name) <= 18 for name in shortened.values())
