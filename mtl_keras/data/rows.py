"""The types of raw rows, of notes about a file, and of what is done about a faulty row."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

from mtl_keras.errors import InputError

Row = tuple[int, Any, Any]  # the line where it begins, its raw text and its raw label
# Receives a kind of oddity (a key of `findings.SENTENCES`), the line, and details.
Note = Callable[[str, int, str], None]
# Receives what is wrong with a row, and raises it; if it returns, the row is left out.
Refuse = Callable[[InputError], None]
Item = TypeVar("Item")


class Words(tuple[str, ...]):
    """The words of a sentence, one per line of a file.

    Attributes:
        lines: of the words.
    """

    lines: Sequence[int] = ()


def ignore(about: str, line: int, detail: str = "") -> None:
    """A `Note` that discards what it receives."""


def raise_at_once(error: InputError) -> NoReturn:
    """A `Refuse` that ends the reading with the first faulty row."""
    raise error


def leave_out(error: InputError) -> None:
    """A `Refuse` that leaves faulty rows out, because they have been reported before."""


def until_fault(items: Iterator[Item], refuse: Refuse) -> Iterator[Item]:
    """The items up to a fault after which a file cannot be read on; that fault goes to `refuse`."""
    try:
        yield from items
    except InputError as error:
        refuse(error)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 field`, `2 fields`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
