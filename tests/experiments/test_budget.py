"""What a search may cost, as it is written."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.experiments.budget import Budget


@pytest.mark.parametrize("budget", [Budget(epochs=0), Budget(epochs=1), Budget(minutes=2.5)])
def test_a_budget_is_read_as_it_is_written(budget):
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "three", "-1", "1.5", "10 hours", "0min", "1e3", "999999"])
def test_other_texts_are_refused_with_the_two_forms(text):
    with pytest.raises(InputError, match=r"a budget (in minutes )?must be .*Received"):
        Budget.parse(text)
