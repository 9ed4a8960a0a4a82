"""YAML that knows its lines."""

import os

import pytest

from mtl_keras.errors import InputError
from mtl_keras.recipes.located_yaml import LocatedYaml


def _write(folder, text, encoding="utf-8"):
    path = folder / "recipe.yaml"
    path.write_bytes(text.encode(encoding))
    return path


def test_lines_of_keys_items_and_what_is_missing(tmp_path):
    located = LocatedYaml(_write(tmp_path, "a: 1\nb:\n  - x: 2\n  - {y: 3,\n     z: 4}\n"))
    assert located.content == {"a": 1, "b": [{"x": 2}, {"y": 3, "z": 4}]}
    assert located.line(["b"]) == 2
    assert located.line(["b", 0, "x"]) == 3
    assert located.line(["b", 1, "z"]) == 5
    assert located.line(["b", 1, "absent"]) == 4
    assert located.line(["absent"]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [\n", ":3: not valid YAML"),
        ("a: 1\na: 2\n", ":2: key 'a' occurs twice"),
        ("a:\n  b: 1\n  b: 1\n", ":3: key 'b' occurs twice"),
        ("- 1\n", "a recipe is a mapping"),
        ("", "a recipe is a mapping"),
        ("a: !!python/object:os.system {}\n", "not valid YAML"),
        ("? [1]\n: 2\n", "not valid YAML"),
        ("a: 1\nb: \x00\n", r":2: not valid YAML: the character '\x00'; remove it"),
        ("a: 1\n  b: 2\n", ":2: not valid YAML: mapping values are not allowed here; check indent"),
        ("a: 1\n---\nb: 2\n", ":2: not valid YAML: a second document begins"),
        ("a: &a\n  b: *a\n", ":1: an alias (*) within its own anchor"),
        ("a: 1\nb: " + "[" * 100 + "]" * 100, ":2: not valid YAML: nested more than 40 deep"),
        ("- " * 100, ":1: not valid YAML: nested more than 40 deep"),
        (
            "a: 1\nb: 2024-02-31\n",
            ":2: not valid YAML: '2024-02-31' is not a valid timestamp; write",
        ),
        ("a: " + "1" * 5000, ":1: not valid YAML: '1111"),
        ("a: 1\nb: 1:30:00", ":2: not valid YAML: '1:30:00' is not a plain decimal number; write"),
        ("a: 1:30.5", ":1: not valid YAML: '1:30.5' is not a plain decimal number"),
        ("a: 1" + ":1" * 100_000, ":1: not valid YAML: '1:1:1"),
        ("a: 0x" + "F" * 100_000, ":1: not valid YAML: '0xFFF"),
        ("a: [b, 010]", ":1: not valid YAML: '010' is not a plain decimal number"),
        ("a: 1_0", ":1: not valid YAML: '1_0' is not a plain decimal number"),
        ("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", ":2: key '<<' occurs twice"),
        ("#" * (1 << 18) + "\n", ": has more than 262,144 bytes (set MTL_KERAS_MAX_RECIPE_BYTES"),
        ("a: {1: x, true: y}", ":1: YAML reads the key true as a bool; put it in quotes"),
        ("null: 1", ":1: YAML reads the key null as a null; put it in quotes"),
    ],
)
def test_what_is_no_yaml_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(InputError) as error:
        LocatedYaml(_write(tmp_path, text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_plain_numbers_are_read(tmp_path):
    text = "[0, -7, 12, 1.5, -1.0e-3, 1.0e+20, .5, 1e-3]"
    numbers = [0, -7, 12, 1.5, -1.0e-3, 1.0e20, 0.5, "1e-3"]
    assert LocatedYaml(_write(tmp_path, f"a: {text}")).content == {"a": numbers}


def test_aliases_and_merges_are_read(tmp_path):
    text = "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n"
    x = {"x": 1}
    assert LocatedYaml(_write(tmp_path, text)).content == {"a": x, "b": x | {"y": 2}, "c": [x, x]}


def test_a_pipe_is_no_recipe(tmp_path):
    os.mkfifo(tmp_path / "recipe.yaml")
    with pytest.raises(InputError, match=r"recipe\.yaml: is a pipe, not a regular file"):
        LocatedYaml(tmp_path / "recipe.yaml")


def test_a_file_that_is_not_utf8_or_not_there(tmp_path):
    with pytest.raises(InputError, match="not UTF-8"):
        LocatedYaml(_write(tmp_path, "a: é", encoding="latin-1"))
    with pytest.raises(InputError, match="No such file"):
        LocatedYaml(tmp_path / "absent.yaml")


def test_labels_are_text_as_it_is_written(tmp_path):
    text = (
        "tasks:\n  a: &a\n    labels: [no, 010, 1:30, 1.10, ~, 2024-01-31, 'on']\n    n: 1\n"
        "  b: {<<: *a, names: {1_0: yes, null: 0x1F, true: 3}}\n  c: {<<: {labels: [off]}}\n"
    )
    places = [("tasks", None, "labels"), ("tasks", None, "names")]
    tasks = LocatedYaml(_write(tmp_path, text), as_written=places).content["tasks"]
    assert tasks["a"] == {
        "labels": ["no", "010", "1:30", "1.10", "~", "2024-01-31", "on"],
        "n": 1,
    }
    assert tasks["b"]["names"] == {"1_0": "yes", "null": "0x1F", "true": "3"}
    assert tasks["c"]["labels"] == ["off"]


def test_a_character_of_a_number_that_none_has_is_refused_at_its_line(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text('a: "\\U0010ffff"\nb: "\\U00110000"\n')
    with pytest.raises(InputError, match=r"recipe.yaml:2: not valid YAML: there is no character"):
        LocatedYaml(path)
