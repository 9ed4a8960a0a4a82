"""Guesses the format of a file from its first lines, if its name does not show it."""

import itertools
import json
import re
from collections.abc import Sequence

from mtl_keras.data.cells import split_words
from mtl_keras.data.columns import Columns
from mtl_keras.data.word_columns import CONLL_U
from mtl_keras.storage.files import read_lines

OBJECT_A_LINE = ("jsonl", None)
LINES = 50  # that are examined
SEPARATORS = "\t;,|"


def sniff(path: str, columns: Columns, *, per_word: bool) -> tuple[str, str | None] | None:
    """The format of the first lines, and the delimiter of fields; None if no format fits.

    Raises:
        InputError: the file cannot be read.
    """
    lines = [*itertools.islice(read_lines(path, columns.encoding), LINES)]
    filled = [line for line in lines if line.strip()]
    if not filled:
        return OBJECT_A_LINE
    first = filled[0].strip()
    if first[0] in "[{":
        return OBJECT_A_LINE if _is_an_object(first) else ("json", None)
    delimiter = columns.delimiter or _delimiter(filled, columns)
    if _are_word_columns(lines, filled, is_delimited=delimiter is not None, per_word=per_word):
        rows = [line.split("\t") for line in filled if not line.startswith("#")]
        is_conllu = bool(rows) and all(len(row) == len(CONLL_U) for row in rows)
        return ("conllu" if is_conllu else "conll"), None
    if delimiter is None:
        return None
    return ("tsv", None) if delimiter == "\t" else ("csv", delimiter)


def _is_an_object(line: str) -> bool:
    """Whether a line is a JSON object with some value other than lists and objects, as in a row."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and (
        not record or not all(isinstance(item, list | dict) for item in record.values())
    )


def _delimiter(lines: Sequence[str], columns: Columns) -> str | None:
    """The character that separates the column names in the first line, or equally many fields in
    every line; None if there is none.
    """
    names = {column for column in (*columns.text_columns, columns.label) if isinstance(column, str)}
    for sign in SEPARATORS:
        header = {name.strip(' "') for name in lines[0].split(sign)}
        if names and names <= header:
            return sign
    for sign in SEPARATORS:
        widths = {len(line.split(sign)) for line in lines}
        if len(widths) == 1 and min(widths) > 1 and not names:
            return sign
    return None


def _are_word_columns(
    lines: Sequence[str], filled: Sequence[str], *, is_delimited: bool, per_word: bool
) -> bool:
    """Whether each line is a word with its columns, and empty lines end sentences."""
    if is_delimited:
        return False
    if filled[0].startswith("-DOCSTART-"):
        return True
    rows = [line for line in filled if not re.match("#($|[ \t])", line)]
    widths = {len(split_words(line)) for line in rows}
    has_ends = len(filled) < len(lines)
    return min(widths, default=0) > 1 and (per_word or (has_ends and len(widths) == 1))
