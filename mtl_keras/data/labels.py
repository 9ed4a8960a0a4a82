"""Normalizes labels, so that a label is spelled the same whatever file or value it comes from."""

import functools
import itertools
import math
import numbers
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from mtl_keras.data.examples import RowError
from mtl_keras.display import HIDDEN, JOINERS
from mtl_keras.errors import shown

MOST_KEPT = 1 << 14  # cells whose label is cached
WHOLE = 1e15  # numbers below this are written as integers if they have no fraction
# A joiner joins nothing unless there are non-ASCII characters on both sides.
_IDLE_JOINER = re.compile(rf"(?<![^\x00-\x7f])[{JOINERS}]|[{JOINERS}](?![^\x00-\x7f])")
_WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]{0,14}))\.0*")
_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{0,15})?([eE][-+]?[0-9]{1,2})?")
_BLANKS = {"\t", "\n", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029"}
# What spreadsheets and data frames write for a missing value.
_MISSING = {
    *("nan", "null", "(null)", "<na>", "n/a", "nat", "\\n", "_"),
    *("#n/a", "#ref!", "#value!", "#div/0!", "#name?", "#num!", "#null!"),
}
_MAYBE_MISSING = {"NA", "None", "-", "?", "undefined"}  # often labels too
_DELIMITERS = re.compile(r"[,;|\t]")
_BRACKET = re.compile(r"[\[{].*\w", re.DOTALL)
_QUOTE = re.compile("[\"“„«].*\\w|'.*\\w.*'$", re.DOTALL)


class LabelReader:
    """Reads the labels in a file's cells.

    Args:
        names: what the file writes → the label that it means, both normalized.

    Attributes:
        used: keys of `names` that were read.
        hidden: how many labels had invisible characters, which were removed.
        spans, broken: how many character spans the cells had, and how many of them begin or end
            inside a word.
    """

    def __init__(self, names: Mapping[str, str]):
        self._names = names
        self.used: set[str] = set()
        self.hidden = self.spans = self.broken = 0
        self._read: dict[str, str] = {}  # cell → label, for cells without hidden characters

    def read(self, cell: Any) -> str:
        """The label of a cell.

        Raises:
            RowError: the cell holds no label, or something else.
        """
        if isinstance(cell, str):
            if cell in self._read:
                return self._read[cell]
            label, has_hidden = _spelled(cell)
            self.hidden += has_hidden
        else:
            label, has_hidden = as_label(cell), False
        if not label:
            raise RowError("the row has no label; fill it in or remove the row")
        meaning = self.meaning(label)
        if isinstance(cell, str) and not has_hidden and len(self._read) < MOST_KEPT:
            self._read[cell] = meaning
        return meaning

    def count_spans(self, spans: int, broken: int) -> None:
        """Counts a cell's spans, and those that begin or end inside a word."""
        self.spans += spans
        self.broken += broken

    def meaning(self, label: str) -> str:
        """The label that a normalized label stands for (`names`)."""
        if label not in self._names:
            return label
        self.used.add(label)
        return self._names[label]


def as_label(value: Any) -> str:
    """A string or a number as a label: stripped, in Unicode's form NFC, with single blanks.

    Invisible characters are removed. Whole numbers have no decimal point.

    Raises:
        RowError: it is neither a string nor a finite number.

    Example:

    >>> as_label(" e\\u0301te\\u0301\\u200b"), as_label(1.0), as_label("1.0"), as_label("010")
    ('été', '1', '1', '010')
    """
    if isinstance(value, str):
        return _spelled(value)[0]
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise RowError(
            f"a label must be a string or a number. Received: {shown(value)}{_cure(value)}"
        )
    if isinstance(value, numbers.Integral):
        return _digits(int(value))
    if not math.isfinite(value):
        raise RowError(f"a label must be a string or a number. Received: {value}; fill it in")
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < WHOLE else str(value)


def fault_of_found(label: str) -> str:
    """Why a label that nobody listed looks like a mistake, and the cure; empty if it does not.

    Example:

    >>> fault_of_found("pos"), fault_of_found("NaN")[:42]
    ('', "the label 'NaN' stands for a missing value")
    """
    keep = "if it is a label, list the task's labels, or name it with label_names in columns"
    if label.casefold() in _MISSING:
        return f"the label {shown(label)} stands for a missing value; fill it in; {keep}"
    if _BRACKET.match(label):
        return (
            f"the label {shown(label)} begins with a bracket; lists of labels, in JSON, are for "
            f"kind: multilabel; {keep}"
        )
    if _QUOTE.match(label):
        return (
            f"the label {shown(label)} begins with a quote; a quoted field has no blank before its "
            f"quote, and a TSV file has no quotes (format: csv and its delimiter read them); {keep}"
        )
    return ""


def maybe_missing(labels: Iterable[str]) -> list[str]:
    """The labels that may stand for a missing value.

    Example:

    >>> maybe_missing(["NA", "none", "?"])
    ['NA', '?']
    """
    return [label for label in labels if label in _MAYBE_MISSING]


def look_alike(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of labels that differ only in case, blanks, `_`, look-alike characters, or as written
    numbers.

    Example:

    >>> look_alike(["Spam", "ham", "spam", "0.5", "0.50"])
    [('Spam', 'spam'), ('0.5', '0.50')]
    """
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(_look(label), []).append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def joined(labels: Collection[str]) -> list[str]:
    """Labels that seem to be several in one: another label shares one of their parts.

    Example:

    >>> joined(["food", "service", "food,service", "a, b"])
    ['food,service']
    """
    parts = {label: {part.strip() for part in _DELIMITERS.split(label)} - {""} for label in labels}
    times = Counter(itertools.chain.from_iterable(parts.values()))
    return [
        label
        for label, its_parts in parts.items()
        if len(its_parts) > 1 and any(times[part] > 1 for part in its_parts)
    ]


@functools.lru_cache(maxsize=MOST_KEPT)
def _spelled(text: str) -> tuple[str, bool]:
    """The normalized label, and whether it had invisible characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        label, has_hidden = text.strip(), False
    else:
        seen = "".join(
            " " if character in _BLANKS else character
            for character in text
            if character in JOINERS or character in _BLANKS or not _is_hidden(character)
        )
        label = unicodedata.normalize("NFC", " ".join(_IDLE_JOINER.sub("", seen).split()))
        has_hidden = label != unicodedata.normalize("NFC", text).strip()
    whole = _WHOLE_NUMBER.fullmatch(label)
    return (str(int(whole[1])) if whole else label), has_hidden


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN


def _digits(number: int) -> str:
    if number.bit_length() > 1000:  # Python refuses to print integers with many digits
        raise RowError(f"a label must be a string or a number. Received: {shown(number)}")
    return str(number)


def _cure(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "; write it as text, such as 'yes'"
    if isinstance(value, list | tuple):
        return "; a text that has several labels is for kind: multilabel"
    return "; fill it in or remove the row" if value is None else ""


def _look(label: str) -> str:
    plain = unicodedata.normalize("NFKC", label).casefold()
    if _NUMBER.fullmatch(plain):
        return f"number {float(plain) + 0.0}"
    seen = (c for c in plain if c not in JOINERS and not "\ufe00" <= c <= "\ufe0f")
    return "".join(c for c in seen if c != "_" and not c.isspace()) or plain
