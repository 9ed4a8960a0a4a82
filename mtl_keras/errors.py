"""Errors that are not faults of the code: wrong input, or a machine that fails."""

import difflib
import itertools
import reprlib
from collections.abc import Iterable

from mtl_keras.display import one_line

LONGEST = 600  # characters of a message
LONGEST_NAME, MOST_NAMES = 200, 10_000  # `nearest` ignores names beyond these limits


class InputError(ValueError):
    """Wrong input. The message is one line: what was received, what was expected, the cure.

    `mtl-keras` prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str):
        super().__init__(_readable(message))


class UnsafeFileError(InputError):
    """A file that is not opened because it could do harm."""


class WorkError(RuntimeError):
    """Correct input, but the work failed (a full disk, for example). Exit status 1."""

    def __init__(self, message: str):
        super().__init__(_readable(message))


class DivergedError(WorkError):
    """The loss of a training is no longer a finite number."""


def shown(value: object) -> str:
    """A value as messages quote it: on one line, at most 60 characters."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


class _Brief(reprlib.Repr):
    """Represents only the start of a value that may hold millions of items or digits."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = 30
        self.maxstring = self.maxother = self.maxlong = 200

    def repr_int(self, number: int, level: int) -> str:
        if number.bit_length() > 1000:  # Python refuses to print integers with many digits
            return f"a number of about {number.bit_length() * 30103 // 100_000:,} digits"
        return repr(number)


_BRIEF = _Brief()


def listed(values: Iterable[object], limit: int = 8) -> str:
    """Values as messages list them: the first ones, and how many there are."""
    values = list(values)
    rest = f", … ({len(values)} in all)" if len(values) > limit else ""
    return ", ".join(map(shown, values[:limit])) + rest


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its kind if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def nearest(name: str, names: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> str:
    """The hint "did you mean …?" for the end of a message; empty if no name is close.

    Args:
        name: what was given.
        names: what could have been meant.
        count: the most names that the hint lists.
        cutoff: the least similarity, from 0 to 1 (`difflib.get_close_matches`).

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
    """The message on one line, with hidden characters escaped; shortened if it is very long."""
    line = one_line(message)
    if len(line) > LONGEST:
        line = f"{line[: 2 * LONGEST // 3]} … {line[-LONGEST // 3 :]}"
    return line
