"""What a number in a declaration may be."""

import math

import numpy as np
import pytest

from mtl_keras.errors import InputError
from mtl_keras.plans.ranges import check_number, count, is_finite


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3)])
def test_numbers_of_python_and_numpy_are_numbers(value):
    assert is_finite(value)
    check_number(value, "x", above=0)


@pytest.mark.parametrize("value", [True, "1", None, math.nan, math.inf, [1]])
def test_nothing_else_is_a_number(value):
    assert not is_finite(value)
    with pytest.raises(InputError, match="x is a number above 0"):
        check_number(value, "x", above=0)


def test_counts_are_whole_and_at_least_1():
    assert count(np.int64(3), "x") == count(3.0, "x") == 3
    for value in (0, 1.5, "3", True, None, -1):
        with pytest.raises(InputError, match=r"at least 1 x\. Received"):
            count(value, "at least 1 x")
