"""How arguments are read."""

import argparse

import pytest

from mtl_keras.cli.arguments import Parser, add_command, check_utf8, given_path
from mtl_keras.cli.parser import make_parser
from mtl_keras.errors import InputError


def _run(options):
    """Runs."""


def test_a_mistake_is_one_line_with_the_way_to_the_help():
    parser = Parser("tool")
    add_command(parser.add_subparsers(required=True), "run", _run)
    with pytest.raises(InputError, match=r"invalid choice: 'walk'.*; see tool --help"):
        parser.parse_args(["walk"])


def test_a_command_is_described_by_its_function():
    parser = Parser("tool")
    command = add_command(parser.add_subparsers(), "run", _run, as_json=True)
    assert command.description == "Runs."
    options = parser.parse_args(["run", "--json", "--debug"])
    assert (options.run, options.json, options.debug) == (_run, True, True)


def test_what_is_no_text_or_no_path_is_refused():
    check_utf8(["naïve"])
    with pytest.raises(InputError, match="is not UTF-8"):
        check_utf8([b"\xff".decode(errors="surrogateescape")])
    with pytest.raises(argparse.ArgumentTypeError, match="an empty path"):
        given_path("")


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["run", "--json", "a b"], ["a b"]),
        (["run", "a", "--json", "b", ""], ["a", "b", ""]),
        (["--json", "run", "a"], ["a"]),
        (["run", "--json", "--", "-a", "--b"], ["-a", "--b"]),
    ],
)
def test_texts_may_come_before_and_after_options(arguments, texts):
    options = make_parser().parse_args(["predict", *arguments])
    assert (options.folder, options.text, options.json) == ("run", texts, True)


@pytest.mark.parametrize("arguments", [["predict", "run", "a", "--jsno"], ["recipes", "a"]])
def test_what_no_argument_takes_is_refused(arguments):
    with pytest.raises(InputError, match="unrecognized arguments: "):
        make_parser().parse_args(arguments)
