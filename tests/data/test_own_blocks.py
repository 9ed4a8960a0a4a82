"""Own blocks as declared."""

import pytest

import mtl_keras as mtl
from mtl_keras.data.own_blocks import OwnBlocks, as_own_blocks, completed
from mtl_keras.errors import InputError


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (2, OwnBlocks(2)),
        ({"k": 1, "with": ["mood"]}, OwnBlocks(1, ("mood",))),
        (OwnBlocks(3), OwnBlocks(3)),
        (None, None),
    ],
)
def test_they_have_several_forms(given, value):
    assert as_own_blocks(given) == value
    assert mtl.Task("topic", own_blocks=given).own_blocks == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (0, "k is a whole number from 1. Received: 0"),
        (True, "k is a whole number from 1. Received: True"),
        (1.5, "k is a whole number from 1. Received: 1.5"),
        ({"with": ["a"]}, r"own_blocks is a number of blocks, or \{k: 2, with"),
        ({"k": 1, "wiht": ["a"]}, r"Received: .*wiht"),
        ({"k": 1, "with": "mood"}, "with is a list of tasks. Received: 'mood'"),
        ({"k": 1, "with": [3]}, "with is a list of tasks"),
    ],
)
def test_another_form_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        as_own_blocks(given)


def test_a_group_may_be_declared_by_any_of_its_tasks_or_by_all():
    group = OwnBlocks(2, ("a", "b"))
    assert completed({"a": None, "b": OwnBlocks(2, ["a"])}) == {"a": group, "b": group}
    assert completed({"a": OwnBlocks(2, ["b"]), "b": group}) == {"a": group, "b": group}
    assert completed(completed({"a": group, "b": None, "c": OwnBlocks(1)})) == {
        "a": group,
        "b": group,
        "c": OwnBlocks(1, ("c",)),
    }
