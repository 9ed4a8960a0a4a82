"""Values that stand in the place of a recipe's own."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.recipes.overrides import parse_override, with_overrides


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=3", 3),
        ("a=1.0e-3", 1e-3),
        ("a=[x, y]", ["x", "y"]),
        ("a={b: 1}", {"b": 1}),
        ("a=", None),
    ],
)
def test_a_value_is_read_as_in_a_recipe(text, value):
    assert parse_override(text).value == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.seed", "expected a key and a value, such as training.seed=3"),
        ("=3", "expected a key and a value"),
        ("a..b=3", "expected a key and a value"),
        ("a=010", "the value: '010' is not a plain decimal number"),
        ("a=[1", "the value: "),
        ("a=!!python/object:x {}", "the value: "),
    ],
)
def test_what_is_no_override_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_override(text)


def test_the_content_that_is_overridden_stays_as_it_is_also_where_an_alias_shares_it():
    shared = {"heads": 1.0}
    content = {"training": {"stages": [{"rates": shared}, {"rates": shared}]}}
    changed = with_overrides(content, [parse_override("stages.0.rates.heads=2.0")])
    assert changed["training"]["stages"] == [{"rates": {"heads": 2.0}}, {"rates": {"heads": 1.0}}]
    assert shared == {"heads": 1.0}


def test_a_mapping_that_is_not_there_is_made():
    changed = with_overrides({"training": {}}, [parse_override("training.learning_rate.heads=1")])
    assert changed == {"training": {"learning_rate": {"heads": 1}}}


def test_a_list_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no 0 here; the recipe has nothing in its place"):
        with_overrides({"training": {}}, [parse_override("stages.0.epochs=1")])


def test_a_task_that_is_not_there_is_refused_with_the_nearest():
    content = {"tasks": {"topic": {"kind": "tagging"}}}
    with pytest.raises(InputError) as error:
        with_overrides(content, [parse_override("tasks.topc.kind=classification")])
    assert str(error.value) == (
        "--set 'tasks.topc.kind=classification': no task 'topc'; the recipe has 'topic'; did you "
        "mean 'topic'?"
    )
