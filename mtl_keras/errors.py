"""What goes wrong through no fault of the code: the user's input, or the machine."""

import difflib
from collections.abc import Iterable

from mtl_keras.display import one_line

LONGEST = 600  # characters of a message


class InputError(ValueError):
    """Wrong input. The message is one line: what came, what was expected, the cure.

    `mtl-keras` prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str):
        super().__init__(_readable(message))


class UnsafeFileError(InputError):
    """A file that is refused because opening it could do harm."""


class WorkError(RuntimeError):
    """Right input, but the work failed (a full disk). Exit status 1."""

    def __init__(self, message: str):
        super().__init__(_readable(message))


def shown(value: object) -> str:
    """A value as a message quotes it: on one line, not too long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


def listed(values: Iterable[object], limit: int = 8) -> str:
    """Values as a message lists them."""
    values = list(values)
    rest = f", … ({len(values)} in all)" if len(values) > limit else ""
    return ", ".join(map(shown, values[:limit])) + rest


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its kind if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def nearest(name: str, names: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> str:
    """The hint that ends a message if one of the names is close; else nothing.

    Args:
        name: what was given.
        names: what could have been meant.
        count: how many of them the hint lists at most.
        cutoff: how similar they are at least, from 0 to 1 (`difflib.get_close_matches`).

    Example:

    >>> nearest("tain", ["train", "test", "validation"])
    "; did you mean 'train'?"
    """
    matches = difflib.get_close_matches(name, list(names), count, cutoff)
    return f"; did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def _readable(message: str) -> str:
    """On one line, in which all is seen, and a very long middle left out."""
    line = one_line(message)
    if len(line) > LONGEST:
        line = f"{line[: 2 * LONGEST // 3]} … {line[-LONGEST // 3 :]}"
    return line
