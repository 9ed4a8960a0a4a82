"""Types of command-line arguments, and a parser that reports mistakes in one line."""

import argparse
import contextlib
import itertools
import re
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias

from mtl_keras.errors import InputError, nearest, shown
from mtl_keras.experiments.budget import Budget
from mtl_keras.recipes.overrides import Override, parse_override

MOST = 1000  # most processes or seeds

Command: TypeAlias = Callable[[argparse.Namespace], int | None]  # returns exit status; None is 0


class Parser(argparse.ArgumentParser):
    """Reports mistakes in one line, as the commands do; texts may come after options."""

    def parse_args(self, args: Sequence[str], namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        """As in `argparse`, which gives texts no place after an option (python/cpython#59317)."""
        options, rest = self.parse_known_args(args, namespace)
        before = list(itertools.takewhile(lambda item: item != "--", rest))
        is_text = hasattr(options, "text") and not any(re.match("--?[^-]", item) for item in before)
        if rest and not is_text:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        if rest:
            options.text = [*options.text, *before, *rest[len(before) + 1 :]]
        return options

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Adds the nearest choice to the message."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += nearest(str(value), map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(
    commands: Commands, name: str, run: Command, *, as_json: bool = False
) -> argparse.ArgumentParser:
    """Adds a command. The docstring of the function that runs it describes it."""
    command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    command.set_defaults(run=run)
    command.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks"
    )
    if as_json:
        command.add_argument("--json", action="store_true", help="print JSON")
    return command


def check_utf8(arguments: Sequence[str]) -> None:
    """Raises `InputError` if an argument is not UTF-8."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise InputError(f"the argument {argument!r} is not UTF-8; give it in UTF-8") from None


def given_path(argument: str) -> str:
    """A path as an argument."""
    if not argument:
        raise argparse.ArgumentTypeError("an empty path; give one, or leave the option out")
    return argument


def override(argument: str) -> Override:
    """An argument that replaces a value of the recipe: `training.seed=3`."""
    try:
        return parse_override(argument)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--set ")) from None


def budget(argument: str) -> Budget:
    """An argument that says what a search may cost: `3` epochs, `10min`."""
    try:
        return Budget.parse(argument)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def points(argument: str) -> float:
    """An argument that is a number of points, 0 or more."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", argument, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"{shown(argument)} is not a number of points, such as 1.5"
        )
    return float(argument)


def whole_from_1(argument: str) -> int:
    """A whole number from 1 to `MOST` as an argument."""
    with contextlib.suppress(argparse.ArgumentTypeError):
        if 1 <= (number := whole(argument)) <= MOST:
            return number
    raise argparse.ArgumentTypeError(f"{shown(argument)} is not a whole number from 1 to {MOST:,}")


def whole(argument: str) -> int:
    """A whole number as an argument."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", argument):
        raise argparse.ArgumentTypeError(f"{shown(argument)} is not a whole number")
    return int(argument)
