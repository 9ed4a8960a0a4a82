"""Shared by formats with named columns: checks the columns, and joins texts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mtl_keras.data.columns import Columns
from mtl_keras.data.rows import Refuse, Row
from mtl_keras.errors import InputError, listed, nearest, shown

Column = str | int


def check_columns(where: str, columns: Columns, names: Iterable[Any]) -> tuple[Column, ...]:
    """The columns of the text, then that of the label.

    Raises:
        InputError: a column is missing, or occurs twice.

    Example:

    >>> check_columns("frame", Columns(text="body"), ["body", "label"])
    ('body', 'label')
    """
    names = list(names)
    wanted = (*columns.text_columns, columns.label)
    for column in wanted:
        if column not in names:
            strings = [name for name in names if isinstance(name, str)]
            raise InputError(
                f"{where}: no column {shown(column)}; there are {listed(names)}"
                f"{nearest(str(column), strings)}"
            )
        if names.count(column) > 1:
            raise InputError(f"{where}: two columns are named {shown(column)}; rename one")
    return wanted


def joined_rows(
    records: Iterable[tuple[int, str, Sequence[Any] | None]], refuse: Refuse
) -> Iterator[Row]:
    """Rows of records: numbers, places, and the cells of the text and of the label.

    A record without cells is left out; one whose texts cannot be joined goes to `refuse`.
    """
    for number, where, record in records:
        if record is None:
            continue
        *texts, label = record
        try:
            text = joined_text(where, texts)
        except InputError as fault:
            refuse(fault)
        else:
            yield number, text, label


def joined_text(where: str, texts: Sequence[Any]) -> Any:
    """The text of one column, unchanged; or the strings of several, joined by blanks."""
    for text in texts:
        if isinstance(text, str) and not text.isascii():
            _check_surrogates(where, text)
    if len(texts) == 1:
        return texts[0]
    if not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{where}: a text of several columns is joined from strings only. Received: "
            f"{shown(texts)}"
        )
    return " ".join(texts)


def _check_surrogates(where: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: half a surrogate pair; write the whole character") from None
