"""Combinations are values that compare and refuse numbers out of their range."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.plans.combination import SUM, CAGrad, GradVac, Nash, Sum, UPGrad


def test_only_a_sum_leaves_gradients_as_they_are():
    assert Sum() == SUM and not SUM.combines
    assert CAGrad().combines and CAGrad() == CAGrad(c=0.5) != CAGrad(c=0.4)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (CAGrad, {"c": 0}, "CAGrad c is a number above 0. Received: 0"),
        (CAGrad, {"c": "1"}, "CAGrad c is a number above 0. Received: '1'"),
        (GradVac, {"beta": 1.5}, "beta is a number above 0, at most 1. Received: 1.5"),
        (Nash, {"max_norm": float("inf")}, "max_norm is a number above 0. Received: inf"),
        (UPGrad, {"regularization": True}, "regularization is a number above 0. Received: True"),
    ],
)
def test_numbers_out_of_range_are_refused(kind, settings, message):
    with pytest.raises(InputError, match=message):
        kind(**settings)
