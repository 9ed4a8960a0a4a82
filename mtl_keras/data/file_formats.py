"""Reads rows from CSV, TSV, JSON, CoNLL columns, Parquet, parallel lines and tables.

A format is a generator of rows `(line, text, label)`: the line where the row begins, and its raw
text and label. Except for tables, one row is in memory at a time.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from mtl_keras.data.arrow_rows import arrow_file_rows, parquet_rows
from mtl_keras.data.columns import Columns
from mtl_keras.data.delimited import csv_rows, tsv_rows
from mtl_keras.data.json_rows import json_array, json_lines
from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.rows import Note, Refuse, Row, Words, ignore, raise_at_once
from mtl_keras.data.sniffing import OBJECT_A_LINE, sniff
from mtl_keras.data.tables import Table
from mtl_keras.data.word_columns import conll_rows, conllu_rows
from mtl_keras.errors import InputError
from mtl_keras.storage.files import read_lines


class _Format(NamedTuple):
    """How a format is read, and which file names imply it."""

    read: Callable[[str, Columns, Note, Refuse], Iterator[Row]]
    suffixes: tuple[str, ...]
    of_words: bool = False
    has_header: bool = False


READERS = {
    "csv": _Format(csv_rows, (".csv",), has_header=True),
    "tsv": _Format(tsv_rows, (".tsv",), has_header=True),
    "jsonl": _Format(json_lines, (".jsonl", ".ndjson")),
    "json": _Format(json_array, (".json",)),
    "parquet": _Format(parquet_rows, (".parquet", ".pq")),
    "arrow": _Format(arrow_file_rows, (".arrow", ".feather", ".ipc")),
    "conll": _Format(conll_rows, (".conll", ".bio", ".txt", ".iob", ".iob2"), True, True),
    "conllu": _Format(conllu_rows, (".conllu",), True, True),
}


def read_rows(
    path: str | Table,
    columns: Columns,
    *,
    per_word: bool = False,
    note: Note = ignore,
    refuse: Refuse = raise_at_once,
) -> Iterator[Row]:
    """The rows of a file, in its order.

    Args:
        path: a file, a folder of parallel lines, or a table from memory. The format of a file is
            that of `columns`, or else of its name: `.csv`, `.tsv`, `.jsonl`, `.json`, `.parquet`,
            `.arrow`, `.feather`; if words are labelled also `.conll`, `.bio`, `.txt`, `.conllu`;
            text formats also with `.gz`. For any other name, the first lines decide.
        columns: where text and label are. A folder has no columns. In CoNLL columns the word comes
            first and the tag last, unless positions are given.
        per_word: whether each word is labelled (`LabelKind.per_word`).
        note: receives oddities of the file.
        refuse: receives the faults of rows; if it returns, reading continues with the next row.

    Returns:
        Rows `(line, text, label)`. Text and label are strings or JSON values; for CoNLL columns,
        they are the words and tags of a sentence.

    Raises:
        InputError: the file is missing or unreadable, or has a fault after which it cannot be read
            on. Most are raised while the rows are read.
    """
    if isinstance(path, Table):
        return path.rows(columns, refuse)
    if os.path.isdir(path):
        return _parallel_lines(path, columns, per_word)
    name, columns, is_guessed = _format_of(path, columns, per_word)
    if READERS[name].of_words and not per_word:
        kinds = " or ".join(repr(kind.name) for kind in LABEL_KINDS.values() if kind.per_word)
        what = (
            "this file holds" if is_guessed or columns.format else f"'{_suffix(path)}' files hold"
        )
        raise InputError(f"{path}: {what} tags; give the task the kind {kinds}")
    if is_guessed:
        fields = f", separated by {columns.delimiter!r}" if columns.delimiter else ""
        note("sniffed", 1, f"{name}{fields}")
    return READERS[name].read(path, columns, note, refuse)


def locate(
    path: str | Table,
    line: int,
    *,
    part: str = "text",
    word: int = 0,
    per_word: bool = False,
    text: Any = None,
) -> str:
    """`file:line` of a row's text or label, or of one of its words; for a table, the row.

    Args:
        path: of the file or folder, or a table.
        line: of the row.
        part: `text` or `label`, which are in two files of a folder.
        word: index of a word.
        per_word: whether each word is labelled.
        text: the row's raw text, which knows the lines of its words.
    """
    if isinstance(path, Table):
        return path.place(line)
    if os.path.isdir(path):
        return f"{_member(path, part, per_word)}:{line}"
    return f"{path}:{text.lines[word] if isinstance(text, Words) else line}"


def may_have_header(path: str | Table, columns: Columns, *, per_word: bool) -> bool:
    """Whether a file's first line may name the columns although `columns.header` is not set."""
    if isinstance(path, Table) or os.path.isdir(path) or columns.header is not None:
        return False
    return READERS[_format_of(path, columns, per_word)[0]].has_header


def is_word_a_line(path: str | Table, columns: Columns) -> bool:
    """Whether a file of labelled words has one word per line."""
    if isinstance(path, Table) or os.path.isdir(path):
        return False
    return READERS[_format_of(path, columns, True)[0]].of_words


def _format_of(path: str, columns: Columns, per_word: bool) -> tuple[str, Columns, bool]:
    """The format's name, the columns with the delimiter found, and whether these are guesses."""
    if columns.format:
        return columns.format, columns, False
    suffix = _suffix(path)
    for name, of_name in READERS.items():
        if suffix in of_name.suffixes and (per_word or suffix != ".txt"):
            is_lines = name == "json" and sniff(path, columns, per_word=per_word) == OBJECT_A_LINE
            return ("jsonl" if is_lines else name), columns, is_lines
    guessed = sniff(path, columns, per_word=per_word)
    if guessed is None:
        names = [
            name
            for of_name in READERS.values()
            if per_word or not of_name.of_words
            for name in of_name.suffixes
        ]
        raise InputError(
            f"{path}: unknown format; the name must end in {', '.join(names)} (also .gz), or be a "
            f"folder that holds seq.in; or set format in columns: {', '.join(READERS)}"
        )
    name, delimiter = guessed
    return name, replace(columns, delimiter=columns.delimiter or delimiter), True


def _parallel_lines(folder: str, columns: Columns, per_word: bool) -> Iterator[Row]:
    paths = [_member(folder, part, per_word) for part in ("text", "label")]
    files = [read_lines(path, columns.encoding) for path in paths]
    for line, (text, label) in enumerate(itertools.zip_longest(*files), 1):
        if not ((text or "").strip() or (label or "").strip()):
            continue
        if text is None or label is None:
            short, long = paths if text is None else reversed(paths)
            raise InputError(
                f"{short}:{line}: no such line, but {os.path.basename(long)} has one; "
                "parallel files must have equally many lines"
            )
        yield line, text, label


def _member(folder: str, part: str, per_word: bool) -> str:
    name = "seq.in" if part == "text" else "seq.out" if per_word else "label"
    for path in (os.path.join(folder, name), os.path.join(folder, f"{name}.gz")):
        if os.path.exists(path):
            return path
    raise InputError(f"{folder}: a folder of parallel lines must hold {name}; add it")


def _suffix(path: str) -> str:
    return os.path.splitext(path.lower().removesuffix(".gz"))[1]
