"""Reads the cells of a row: a text, a number, lists, words and the mark of each word."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from mtl_keras.data.examples import RowError, raise_first
from mtl_keras.errors import InputError, shown

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
Meaning = TypeVar("Meaning")
_MISSING_TYPES = {"NAType", "NaTType"}  # of pandas
# A list as Python prints it, which data frames write into CSV: ['a', 'b'].
_ITEM = r"""(?:'[^'\\]*'|"[^"\\]*")"""
_PRINTED_LIST = re.compile(rf"\[\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*)?\]")


def read_text(cell: Any) -> str:
    """A text that is not empty. Raises `RowError`, like every function here."""
    if not isinstance(cell, str):
        cure = "; fill it in or remove the row" if cell is None else ""
        raise RowError(f"the text must be a string. Received: {shown(cell)}{cure}", part="text")
    if not cell or cell.isspace():
        raise RowError("the text is empty; fill it in or remove the row", part="text")
    return cell


def read_number(cell: Any) -> float:
    """A number that is finite in float32."""
    try:
        if isinstance(cell, bool) or not isinstance(cell, str | int | float) or "_" in str(cell):
            raise ValueError
        number = float(cell)
    except (ValueError, OverflowError):
        raise RowError(f"expected a number, such as 3.5. Received: {shown(cell)}") from None
    if not abs(number) <= LARGEST_FLOAT32:
        raise RowError(f"expected a finite number. Received: {shown(cell)}")
    return number


def plain_cell(cell: Any) -> Any:
    """A cell from memory as JSON would represent it: no NumPy, no tuples, `None` if missing.

    Example:

    >>> plain_cell(np.array(["a", "b"])), plain_cell(np.int64(3)), plain_cell(float("nan"))
    (['a', 'b'], 3, None)
    """
    if isinstance(cell, str) or cell is None:
        return str(cell) if type(cell) is np.str_ else cell
    if isinstance(cell, np.ndarray | np.generic):
        cell = cell.tolist()
    if isinstance(cell, list | tuple):
        return [plain_cell(item) for item in cell]
    if isinstance(cell, Mapping):
        return {key: plain_cell(value) for key, value in cell.items()}
    if isinstance(cell, bytes):  # strings of NumPy and of TensorFlow
        return cell.decode(errors="surrogateescape")
    is_missing = type(cell).__name__ in _MISSING_TYPES or (isinstance(cell, float) and cell != cell)
    return None if is_missing else cell


def as_list(cell: Any) -> Any:
    """The list in a string, written as JSON or as Python prints it; else the cell, unchanged.

    Example:

    >>> as_list('["a", 1]'), as_list("['a', 'b']"), as_list("[a]")
    (['a', 1], ['a', 'b'], '[a]')
    """
    text = cell.strip() if isinstance(cell, str) else ""
    if not (text.startswith("[") and text.endswith("]")):
        return cell
    if _PRINTED_LIST.fullmatch(text):
        return [item[1:-1] for item in re.findall(_ITEM, text)]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return cell


def as_listed(text: Any, label: Any) -> Any:
    """The text cell; if it is a string that holds a list and the label is a list too, that list."""
    return as_list(text) if isinstance(label, list) else text


def read_words(cell: Any) -> tuple[str, ...]:
    """Words: a list, or a string with blanks between them."""
    words = split_words(cell) if isinstance(cell, str) else cell
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise RowError(
            f"expected a list of words, or a string. Received: {shown(cell)}", part="text"
        )
    if not words:
        raise RowError("the text is empty; fill it in or remove the row", part="text")
    raise_first(
        [
            RowError(f"word {place + 1} is empty; fill it in", part="text", word=place)
            for place, word in enumerate(words)
            if not word or word.isspace()
        ]
    )
    return tuple(words)


def read_marks(
    cell: Any, words: tuple[str, ...], noun: str, read: Callable[[Any], str]
) -> tuple[str, ...]:
    """The mark of each word: a list, or a string with blanks between them.

    Args:
        cell: of the label.
        words: of the row.
        noun: what a mark is called in errors, such as `tag`.
        read: a mark → its meaning. Its errors get the word's place.
    """
    marks = split_words(cell) if isinstance(cell, str) else cell
    if not isinstance(marks, list | tuple):
        cure = "; fill it in or remove the row" if cell is None else ""
        raise RowError(f"expected a list of {noun}s, or a string. Received: {shown(cell)}{cure}")
    meanings = for_each_word(read, marks)
    if len(words) != len(marks):
        raise RowError(
            f"{len(words)} words and {len(marks)} {noun}s; expected a {noun} for every word"
        )
    return meanings


def for_each_word(read: Callable[[Any], Meaning], marks: Sequence) -> tuple[Meaning, ...]:
    """Reads the mark of each word. Errors give the word's place."""
    meanings: list[Meaning] = []
    faults: list[RowError] = []
    for place, mark in enumerate(marks):
        try:
            meanings.append(read(mark))
        except (InputError, RowError) as error:
            faults.append(RowError(str(error), word=place))
    raise_first(faults)
    return tuple(meanings)


def split_words(text: str) -> list[str]:
    """Splits at blanks and tabs. Other white space, such as U+00A0, is part of a word."""
    return [word for word in text.replace("\t", " ").split(" ") if word]
