"""The types of raw rows and of notes about a file."""

from collections.abc import Callable
from typing import Any

Row = tuple[int, Any, Any]  # the line where it begins, its raw text and its raw label
# Receives a kind of oddity (a key of `findings.SENTENCES`), the line, and details.
Note = Callable[[str, int, str], None]


def ignore(about: str, line: int, detail: str = "") -> None:
    """A `Note` that discards what it receives."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 field`, `2 fields`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
