"""Which commands and arguments there are."""

import re

import pytest

import mtl_keras
from mtl_keras.cli import commands, completion, inspection
from mtl_keras.cli.parser import make_parser
from mtl_keras.errors import InputError

NAMES = (
    *("train", "compare", "advise", "evaluate", "predict"),
    *("report", "export", "demo", "embed", "inspect", "recipes", "completion"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_run_by_the_function_of_its_name(name):
    needed = {
        "embed": ["minilm", "--input", "texts", "--output", "x.npy"],
        "export": ["run", "folder"],
        "recipes": [],
        "completion": ["bash"],
    }.get(name, ["place"])
    options = make_parser().parse_args([name, *needed])
    assert options.run is _function(name)


def _function(name):
    places = {"inspect": inspection, "completion": completion}
    return getattr(places.get(name, commands), name)


def test_every_command_is_in_the_help():
    text = make_parser().format_help()
    for name in NAMES:
        assert _function(name).__doc__.split()[0] in text
        assert re.search(rf"\n    {name}\s", text)


def test_options_have_their_defaults():
    options = make_parser().parse_args(["train", "recipe.yaml"])
    assert (options.output, options.resume, options.quiet, options.workers) == (
        *(None, False, False),
        1,
    )
    options = make_parser().parse_args(["export", "run", "folder"])
    assert (options.best, options.format, options.precision, options.against) == (
        *(None, "saved_model", "float32"),
        None,
    )


@pytest.mark.parametrize("name", ["train", "compare", "search", "advise", "inspect"])
def test_every_command_that_takes_a_recipe_takes_values_in_the_place_of_its_own(name):
    options = make_parser().parse_args([name, "recipe.yaml", "--set", "training.seed=3"])
    assert [override.place for override in options.overrides] == [("training", "seed")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "recipe.yaml", "--workers", "0"], "'0' is not a whole number from 1"),
        (["export", "run", ""], "an empty path"),
        (["export", "run", "folder", "--format", "onxx"], "invalid choice: 'onxx'"),
    ],
)
def test_what_an_option_cannot_be_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        make_parser().parse_args(arguments)


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        make_parser().parse_args(["--version"])
    assert capsys.readouterr().out == f"mtl-keras {mtl_keras.__version__}\n"
