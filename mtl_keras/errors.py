"""What goes wrong through no fault of the code: the user's input, or the machine."""

import difflib
import itertools
import reprlib
from collections.abc import Iterable

from mtl_keras.display import one_line

LONGEST = 600  # characters of a message
LONGEST_NAME, MOST_NAMES = 200, 10_000  # among which the nearest is sought


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
    text = _BRIEF.repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


class _Brief(reprlib.Repr):
    """The first items of what may hold millions, or be millions of characters or digits long."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = 30
        self.maxstring = self.maxother = self.maxlong = 200

    def repr_int(self, number: int, level: int) -> str:
        if number.bit_length() > 1000:  # Python does not write those of many digits
            return f"a number of some {number.bit_length() * 30103 // 100_000:,} digits"
        return repr(number)


_BRIEF = _Brief()


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
    if len(name) > LONGEST_NAME:
        return ""
    first = itertools.islice(names, MOST_NAMES)
    candidates = [candidate for candidate in first if len(candidate) <= LONGEST_NAME]
    matches = difflib.get_close_matches(name, candidates, count, cutoff)
    return f"; did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def _readable(message: str) -> str:
    """On one line, in which all is seen, and a very long middle left out."""
    line = one_line(message)
    if len(line) > LONGEST:
        line = f"{line[: 2 * LONGEST // 3]} … {line[-LONGEST // 3 :]}"
    return line
