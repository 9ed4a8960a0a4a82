"""What formats have in common."""

import pytest

from mtl_keras.data.rows import counted, ignore, raise_at_once, until_fault
from mtl_keras.errors import InputError


def test_a_number_has_its_noun():
    assert (counted(1, "field"), counted(2, "field")) == ("1 field", "2 fields")
    assert ignore("hidden", 3) is None


def test_what_comes_before_a_fault_is_read_and_the_fault_is_refused():
    def rows():
        yield 1
        raise InputError("a.csv: cannot be read")

    faults = []
    assert list(until_fault(rows(), faults.append)) == [1]
    assert str(*faults) == "a.csv: cannot be read"
    with pytest.raises(InputError):
        list(until_fault(rows(), raise_at_once))
