"""Cells, tables and sections of a report, and how their figures are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mtl_keras.data.label_kinds import higher_is_better

NOTHING = "–"


class Cell(NamedTuple):
    """The text of a table's cell, whether it is bold, and whether its words may wrap."""

    text: str
    strong: bool = False
    wraps: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first `names` columns hold names, the others figures."""

    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    names: int = 1


@dataclass(frozen=True)
class Section:
    """A heading, a note of a sentence or two, and a table, or None."""

    heading: str
    note: str
    table: Table | None = None


def directed(metric: str) -> str:
    """Returns a metric's name with an arrow in the direction of better values.

    Example:

    >>> directed("accuracy"), directed("mae")
    ('accuracy ↑', 'mae ↓')
    """
    return f"{metric} {'↑' if higher_is_better(metric) else '↓'}"


def or_nothing(value: float | None, written: Callable[..., str]) -> str:
    """A figure as it is written; `–` for None.

    Example:

    >>> or_nothing(0.5, "{:.3f}".format), or_nothing(None, duration)
    ('0.500', '–')
    """
    return NOTHING if value is None else written(value)


def rounded(value: float) -> str:
    """Returns a score with three decimals, or one if it is large.

    Example:

    >>> rounded(0.8304), rounded(1234.56)
    ('0.830', '1,234.6')
    """
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """A time in the unit in which it is easy to read.

    Example:

    >>> duration(9.25), duration(600), duration(9000)
    ('9.2 s', '10.0 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def gigabytes(count: int) -> str:
    """A number of bytes in gigabytes."""
    return f"{count / 1e9:.2f} GB"
