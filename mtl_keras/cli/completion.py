"""Scripts with which a shell completes the command line."""

import argparse
from collections.abc import Iterator

from mtl_keras.display import show
from mtl_keras.errors import InputError

SHELLS = ("bash", "zsh", "fish")
PATHS = {"recipe", "folder", "run_folder", "source", "input", "output", "against"}


def completion(options: argparse.Namespace) -> None:
    """Prints a script that completes commands and options, for a shell's start-up file."""
    try:
        import shtab
    except ImportError:
        raise InputError(
            "completion: scripts are made by shtab; pip install 'mtl_keras[completion]'"
        ) from None
    for action in _actions(options.parser):
        if action.dest in PATHS:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    show(shtab.complete(options.parser, options.shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of its commands."""
    for action in parser._actions:  # argparse has no public list of them
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
