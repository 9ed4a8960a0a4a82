"""Limits that a message names and the environment raises."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.storage.limits import Limit

LIMIT = Limit("MTL_KERAS_MAX_THINGS", 10, "things")


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    monkeypatch.delenv(LIMIT.variable, raising=False)


def test_a_limit_says_how_it_is_raised():
    assert str(LIMIT) == "more than 10 things (set MTL_KERAS_MAX_THINGS to allow more)"


def test_the_environment_sets_another_limit(monkeypatch):
    assert LIMIT.most == 10
    monkeypatch.setenv(LIMIT.variable, "2000")
    assert LIMIT.most == 2000
    assert str(LIMIT).startswith("more than 2,000 things")
    monkeypatch.setenv(LIMIT.variable, "")
    assert LIMIT.most == 10


@pytest.mark.parametrize("value", ["0", "-1", "1e9", "ten", "²", " ", "0" * 5000])
def test_what_is_no_whole_number_from_1_is_refused(value, monkeypatch):
    monkeypatch.setenv(LIMIT.variable, value)
    with pytest.raises(InputError, match="MTL_KERAS_MAX_THINGS must be a whole number from 1"):
        _ = LIMIT.most
