"""Texts and labels as files write them: CSV, TSV, JSON lines, CoNLL columns, parallel lines.

A format is a generator of rows `(line, text, label)`: the line where the row begins, and its
two parts as they stand. Only one row is ever held.
"""

import dataclasses
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mtl_keras.data.cells import split_words
from mtl_keras.data.csv_records import csv_records
from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.task import Columns
from mtl_keras.errors import InputError, listed, nearest, shown
from mtl_keras.storage.files import read_lines
from mtl_keras.storage.limits import ROW, SENTENCE

Row = tuple[int, Any, Any]


def read_rows(path: str, columns: Columns, *, per_word: bool = False) -> Iterator[Row]:
    """The rows of a file, in its order.

    Args:
        path: its name tells the format: `.csv`, `.tsv`, `.jsonl`, if words are labelled also
            `.conll`, `.bio` and `.txt`, each also with `.gz`; or a folder of parallel lines.
        columns: where text and label are. A folder has no columns; in CoNLL columns the word
            comes first and the tag last unless positions say otherwise.
        per_word: whether each word is labelled (`LabelKind.per_word`).

    Returns:
        Rows `(line, text, label)`. Text and label are strings, or what a JSON line holds; of CoNLL
        columns, the sentence's words and tags, one a line.

    Raises:
        InputError: the file is missing, unreadable or against its format. Most are raised while
            the rows are read.
    """
    if os.path.isdir(path):
        return _parallel_lines(path, per_word)
    suffix = _suffix(path)
    formats = _FORMATS | _WORD_FORMATS if per_word else _FORMATS
    if suffix in formats:
        return formats[suffix](path, columns)
    if suffix in _WORD_FORMATS:
        kinds = " or ".join(repr(kind.name) for kind in LABEL_KINDS.values() if kind.per_word)
        raise InputError(f"{path}: '{suffix}' files hold tags; give the task the kind {kinds}")
    raise InputError(
        f"{path}: unknown format; the name must end in {', '.join(formats)} (also .gz), "
        "or be a folder that holds seq.in"
    )


def locate(
    path: str, line: int, *, part: str = "text", word: int = 0, per_word: bool = False
) -> str:
    """`file:line` of a row's text or label, or of one of its words."""
    if os.path.isdir(path):
        return f"{_member(path, part, per_word)}:{line}"
    return f"{path}:{line + word if _suffix(path) in _WORD_FORMATS else line}"


def _csv(path: str, columns: Columns) -> Iterator[Row]:
    cure = "put a field that holds a comma in quotes"
    return _delimited(path, columns, csv_records(path), cure)


def _tsv(path: str, columns: Columns) -> Iterator[Row]:
    lines = enumerate(read_lines(path), 1)
    records = ((line, string.split("\t")) for line, string in lines if string)
    return _delimited(path, columns, records, "a field of a TSV file cannot hold a tab")


def _delimited(
    path: str, columns: Columns, records: Iterable[tuple[int, list[str]]], cure: str
) -> Iterator[Row]:
    records = iter(records)
    first = next(records, None)
    if first is None:
        return
    text, label, has_header = _positions(path, *first, columns)
    first_line, width = first[0], len(first[1])
    for line, fields in records if has_header else itertools.chain([first], records):
        if len(fields) != width:
            raise InputError(
                f"{path}:{line}: {_number(len(fields), 'field')}, expected {width} as in line "
                f"{first_line}; {cure}"
            )
        yield line, " ".join([fields[place] for place in text]), fields[label]


def _positions(
    path: str, line: int, fields: list[str], columns: Columns
) -> tuple[list[int], int, bool]:
    """Positions of the text and of the label, and whether the first line is a header."""
    wanted = (*columns.text_columns, columns.label)
    named = any(isinstance(column, str) for column in wanted)
    if named and columns.header is False:
        raise InputError(
            f"{path}: without a header, columns are positions from 0. Received: {listed(wanted)}"
        )
    names = [name.strip() for name in fields]
    places = [_position(f"{path}:{line}", column, names) for column in wanted]
    if places[-1] % len(names) in [place % len(names) for place in places[:-1]]:
        raise InputError(
            f"{path}:{line}: text and label are one column. Received: {listed(wanted)}"
        )
    return places[:-1], places[-1], named if columns.header is None else columns.header


def _position(where: str, column: str | int, names: list[str]) -> int:
    if isinstance(column, int):
        if -len(names) <= column < len(names):
            return column
        raise InputError(f"{where}: no column {column}; there are {len(names)}, counted from 0")
    if names.count(column) == 1:
        return names.index(column)
    if column in names:
        raise InputError(f"{where}: two columns are named {column!r}; give a position from 0")
    raise InputError(
        f"{where}: no column {column!r}; the first line has {listed(names)}"
        f"{nearest(column, names)}; without a header, give positions from 0"
    )


def _json_lines(path: str, columns: Columns) -> Iterator[Row]:
    wanted = (*columns.text_columns, columns.label)
    if not all(isinstance(column, str) for column in wanted):
        raise InputError(f"{path}: JSON lines have keys, not positions. Received: {listed(wanted)}")
    for line, string in enumerate(read_lines(path), 1):
        if not string.strip():
            continue
        values = _json_values(f"{path}:{line}", string, wanted)
        if len(values) > 2 and all(isinstance(value, str) for value in values[:-1]):
            values[:-1] = [" ".join(values[:-1])]
        if len(values) > 2:
            raise InputError(f"{path}:{line}: a text of several keys is joined of strings only")
        yield line, *values


def _json_values(where: str, string: str, keys: Sequence) -> list:
    try:
        record = _JSON.decode(string)
        if "\\u" in string:
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: half a surrogate pair; write the whole character") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error}; expected one object a line") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; expected one object a line") from None
    except ValueError:
        raise InputError(f"{where}: a number of thousands of digits; write it as text") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object. Received: {shown(record)}")
    for key in keys:
        if key not in record:
            raise InputError(
                f"{where}: no key {key!r}; the line has {listed(record)}{nearest(key, record)}"
            )
    return [record[key] for key in keys]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once."""
    record = dict(pairs)
    if len(record) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InputError(f"key {shown(twice)} stands twice; remove one")
    return record


_JSON = json.JSONDecoder(object_pairs_hook=_once)


def _conll(path: str, columns: Columns) -> Iterator[Row]:
    columns = dataclasses.replace(
        columns,
        text=0 if columns.text == "text" else columns.text,
        label=-1 if columns.label == "label" else columns.label,
    )
    cure = "every line holds a word, its tag, and the same columns between"
    sentence: list[Row] = []
    most_words, left = SENTENCE.most, ROW.most
    for row in _delimited(path, columns, _conll_records(path), cure):
        if sentence and row[0] > sentence[-1][0] + 1:
            yield _sentence(sentence)
            sentence, left = [], ROW.most
        sentence.append(row)
        left -= len(row[1]) + len(row[2])
        if len(sentence) > most_words or left < 0:
            limit = ROW if left < 0 else SENTENCE
            raise InputError(
                f"{path}:{row[0]}: a sentence of {limit}; put an empty line between sentences"
            )
    if sentence:
        yield _sentence(sentence)


def _sentence(rows: list[Row]) -> Row:
    lines, words, tags = zip(*rows, strict=True)
    return lines[0], words, tags


def _conll_records(path: str) -> Iterator[tuple[int, list[str]]]:
    for line, string in enumerate(read_lines(path), 1):
        if not string.strip() or string.startswith("-DOCSTART-"):
            continue
        if "\t" in string:
            fields = [field.strip(" ") for field in string.split("\t")]
        else:
            fields = split_words(string)
        if len(fields) < 2 or not fields[-1]:
            raise InputError(
                f"{path}:{line}: {shown(string.strip())} has no tag; expected a word, then its tag"
            )
        yield line, fields


def _parallel_lines(folder: str, per_word: bool) -> Iterator[Row]:
    paths = [_member(folder, part, per_word) for part in ("text", "label")]
    for line, (text, label) in enumerate(itertools.zip_longest(*map(read_lines, paths)), 1):
        if not ((text or "").strip() or (label or "").strip()):
            continue
        if text is None or label is None:
            short, long = paths if text is None else reversed(paths)
            raise InputError(
                f"{short}:{line}: no such line, but {os.path.basename(long)} has it; "
                "parallel files have as many lines"
            )
        yield line, text, label


def _member(folder: str, part: str, per_word: bool) -> str:
    name = "seq.in" if part == "text" else "seq.out" if per_word else "label"
    for path in (os.path.join(folder, name), os.path.join(folder, f"{name}.gz")):
        if os.path.exists(path):
            return path
    raise InputError(f"{folder}: a folder of parallel lines must hold {name}, and it does not")


def _suffix(path: str) -> str:
    return os.path.splitext(path.lower().removesuffix(".gz"))[1]


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_FORMATS: dict[str, Callable[[str, Columns], Iterator[Row]]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _json_lines,
}
_WORD_FORMATS: dict[str, Callable[[str, Columns], Iterator[Row]]] = {
    ".conll": _conll,
    ".bio": _conll,
    ".txt": _conll,
}
