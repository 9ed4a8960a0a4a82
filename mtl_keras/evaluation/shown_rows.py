"""Rows that are shown as a table: in a terminal, and as HTML in a notebook."""

from collections.abc import Iterable, Mapping
from typing import Any

from tabulate import tabulate

from mtl_keras.display import in_html, one_line
from mtl_keras.evaluation.figures import figure


class ShownRows(list[dict[str, Any]]):
    """Rows, dicts of the same keys, which are the columns' names.

    Args:
        rows: in order. Numbers are shown in four decimals, counts in full, None as `-`.
        notes: lines below the table.

    Example:

    >>> print(ShownRows([{"task": "topic", "accuracy": 0.9}]))
    task    accuracy
    ------  ----------
    topic   0.9000
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = (), notes: Iterable[str] = ()):
        super().__init__(dict(row) for row in rows)
        self.notes = tuple(notes)

    def __str__(self) -> str:
        return "\n".join([self._table("simple"), *map(one_line, self.notes)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{in_html(note)}</p>" for note in self.notes)
        return self._table("html") + notes

    def _table(self, form: str) -> str:
        cells = [{name: _cell(value) for name, value in row.items()} for row in self]
        return str(tabulate(cells, headers="keys", tablefmt=form, disable_numparse=True))


def _cell(value: Any) -> str:
    return one_line(value) if isinstance(value, str) else figure(value)
