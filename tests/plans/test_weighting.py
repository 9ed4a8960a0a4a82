"""Weightings are values that compare and refuse numbers out of their range."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.plans.combination import MGDA, SUM
from mtl_keras.plans.weighting import DWA, EQUAL, FAMO, STCH, Uncertainty, check_balance


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Uncertainty, {"learning_rate": -1}, "learning_rate is a number above 0. Received: -1"),
        (DWA, {"period": 1.5}, "period is at least 1 step. Received: 1.5"),
        (DWA, {"temperature": 0.0}, "temperature is a number above 0"),
        (FAMO, {"weight_decay": None}, "weight_decay is a number above 0. Received: None"),
        (STCH, {"mu": 0}, "STCH mu is a number above 0"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, settings, message):
    with pytest.raises(InputError, match=message):
        kind(**settings)


def test_a_value_of_another_sort_is_refused():
    check_balance(MGDA(), FAMO())
    with pytest.raises(InputError, match=r"such as PCGrad\(\)\. Received: 'mgda'"):
        check_balance("mgda", EQUAL)
    with pytest.raises(InputError, match=r"such as Uncertainty\(\)\. Received: Sum"):
        check_balance(SUM, SUM)
