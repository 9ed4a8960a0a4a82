"""What a format gives: rows as they stand, their lines, and what is odd about the file."""

from collections.abc import Callable
from typing import Any

Row = tuple[int, Any, Any]  # the line where it begins, its text and its label, as they stand
# Receives what is odd (a key of `audit.SENTENCES`), the line, and details.
Note = Callable[[str, int, str], None]


def ignore(about: str, line: int, detail: str = "") -> None:
    """Receives what nobody asked for."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 field`, `2 fields`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
