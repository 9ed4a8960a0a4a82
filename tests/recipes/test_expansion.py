"""What a recipe's aliases stand for is counted before it is made."""

import pytest
import yaml

from mtl_keras.errors import InputError
from mtl_keras.recipes.expansion import DEEPEST, check_expansion
from mtl_keras.storage.limits import RECIPE_VALUES


def _check(text, path):
    check_expansion(yaml.compose(text, Loader=yaml.SafeLoader), path)


def test_a_shared_value_counts_wherever_it_stands(tmp_path, monkeypatch):
    text = "a: &a [1, 2]\nb: [*a, *a]\n"  # the mapping, a, [1, 2], b, [[1, 2], [1, 2]]
    monkeypatch.setenv(RECIPE_VALUES.variable, "13")
    _check(text, tmp_path)
    monkeypatch.setenv(RECIPE_VALUES.variable, "12")
    with pytest.raises(InputError, match=r":1: holds more than 12 values \(set MTL_KERAS_MAX_REC"):
        _check(text, tmp_path)


def _doubled(times, item):
    lines = [f"a{i}: &a{i} {item.format(i - 1)}" for i in range(1, times)]
    return "\n".join(["a0: &a0 {x: 1}", *lines])


@pytest.mark.parametrize("item", ["[*a{0}, *a{0}]", "{{<<: [*a{0}, *a{0}]}}"])
def test_aliases_that_double_their_values_are_refused_at_once(item, tmp_path):
    with pytest.raises(InputError, match=r":\d+: holds more than 50,000 .*, counting aliases"):
        _check(_doubled(35, item), tmp_path)


def test_aliases_of_aliases_have_a_depth(tmp_path):
    _check(_doubled(DEEPEST - 5, "[*a{0}]"), tmp_path)
    with pytest.raises(InputError, match=f"nested more than {DEEPEST} deep"):
        _check(_doubled(300, "[*a{0}]"), tmp_path)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {<<: *a}", "a: &a {b: {c: *a}}"])
def test_an_alias_does_not_stand_in_what_it_stands_for(text, tmp_path):
    with pytest.raises(InputError, match=r":1: an alias \(\*\) within its own anchor"):
        _check(text, tmp_path)
