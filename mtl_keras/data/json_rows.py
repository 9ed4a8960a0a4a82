"""Rows of JSON: one object per line, or one array of objects."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from mtl_keras.data.columns import Columns
from mtl_keras.data.rows import Note, Refuse, Row, raise_at_once
from mtl_keras.errors import InputError, listed, nearest, shown
from mtl_keras.storage.files import raw_lines, read_lines
from mtl_keras.storage.limits import JSON_FILE

BLANKS = " \t\n\r"
REFUSED = ("reject", "ignore")  # answers of Prodigy


def json_lines(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Rows of a file with one object per line."""
    keys = _keys(path, columns)
    for line, string in _filled(path, columns.encoding):
        try:
            row = _row(f"{path}:{line}", line, _of_line(path, line, string), keys)
        except InputError as fault:
            refuse(fault)
        else:
            yield row


def json_records(path: str, encoding: str | None = None) -> Iterator[tuple[int, Any]]:
    """The JSON values of a file with one per line, with their lines.

    Raises:
        InputError: the file cannot be read; or a line holds something else.
    """
    return ((line, _of_line(path, line, string)) for line, string in _filled(path, encoding))


def json_array(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Rows of a file that is one array of objects. Its text is held in memory."""
    keys = _keys(path, columns)
    text, expected = _whole(path, columns.encoding), "an array of objects"
    place = _after_blanks(text, 0)
    if text[place : place + 1] != "[":
        _refuse_root(path, text, place)
    line, counted_to = 1, 0
    place = _after_blanks(text, place + 1)
    while text[place : place + 1] != "]":
        line, counted_to = line + text.count("\n", counted_to, place), place
        where, end = f"{path}:{line}", place
        try:
            record, end = _decoded(where, text, place, expected)
            row = _row(where, line, record, keys)
        except InputError as error:
            if end == place:
                end = _end_of_faulty(text, place, error)
            refuse(error)
        else:
            yield row
        place = _after_blanks(text, end)
        has_next = text[place : place + 1] == ","
        if has_next:
            place = _after_blanks(text, place + 1)
        if has_next == (text[place : place + 1] == "]"):
            line += text.count("\n", counted_to, place)
            fault = "a comma before ']'; remove it" if has_next else "expected ',' or ']'"
            raise InputError(f"{path}:{line}: not JSON: {fault}; {expected}")
    _check_end(path, text, place + 1)


def _filled(path: str, encoding: str | None) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    lines = enumerate(read_lines(path, encoding), 1)
    return ((line, string) for line, string in lines if string.strip())


def _of_line(path: str, line: int, string: str) -> Any:
    """The one JSON value of a line."""
    where = f"{path}:{line}"
    record, end = _decoded(where, string, 0, "one object per line")
    if string[end:].strip(BLANKS):
        raise InputError(f"{where}: not JSON: more after the value; one object per line")
    return record


def _end_of_faulty(text: str, place: int, fault: InputError) -> int:
    """Where a value ends that is JSON but refused; raises the fault if it is not JSON."""
    try:
        return _LENIENT.raw_decode(text, place)[1]
    except (ValueError, RecursionError):
        raise fault from None


def _check_end(path: str, text: str, place: int) -> None:
    """Raises `InputError` if something follows the array."""
    place = _after_blanks(text, place)
    if place < len(text):
        line = 1 + text.count("\n", 0, place)
        raise InputError(
            f"{path}:{line}: more after the array, {shown(text[place : place + 20])}; expected one "
            "array: join arrays into one, and remove anything else"
        )


def _keys(path: str, columns: Columns) -> tuple[str, ...]:
    wanted = (*columns.text_columns, columns.label)
    if not all(isinstance(column, str) for column in wanted):
        raise InputError(f"{path}: JSON lines have keys, not positions. Received: {listed(wanted)}")
    if columns.delimiter:
        raise InputError(f"{path}: JSON has no delimiter; leave it out")
    return wanted  # type: ignore[return-value]  # checked above


def _whole(path: str, encoding: str | None) -> str:
    parts, left = [], JSON_FILE.most
    for line in raw_lines(path, encoding):
        left -= len(line)
        if left < 0:
            raise InputError(f"{path}: has {JSON_FILE}; write JSON lines, which are streamed")
        parts.append(line)
    return "".join(parts)


def _after_blanks(text: str, place: int) -> int:
    while text[place : place + 1] in BLANKS and place < len(text):
        place += 1
    return place


def _decoded(where: str, string: str, place: int, expected: str) -> tuple[Any, int]:
    """The JSON value that begins at a position, and where it ends."""
    try:
        record, end = _JSON.raw_decode(string, _after_blanks(string, place))
        if "\\u" in string[place:end]:
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: half a surrogate pair; write the whole character") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error}; expected {expected}") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; expected {expected}") from None
    except ValueError:
        raise InputError(f"{where}: a number with thousands of digits; write it as text") from None
    return record, end


def _row(where: str, line: int, record: Any, keys: Sequence[str]) -> Row:
    if not isinstance(record, dict):
        cure = "; an array of objects is format: json" if isinstance(record, list) else ""
        raise InputError(f"{where}: expected a JSON object. Received: {shown(record)}{cure}")
    if "_task_hash" in record and record.get("answer") in REFUSED:
        raise InputError(
            f"{where}: Prodigy's answer is {record['answer']!r}; export only accepted examples "
            "(db-out --answer accept)"
        )
    for key in keys:
        if key not in record:
            raise InputError(
                f"{where}: no key {key!r}; the line has {listed(record)}"
                f"{_cure(record) or nearest(key, record)}"
            )
    *texts, label = (record[key] for key in keys)
    if len(texts) == 1:
        return line, texts[0], label
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: a text of several keys is joined from strings only")
    return line, " ".join(texts), label


def _cure(record: Mapping) -> str:
    """The cure for exports of annotation tools; empty if it is not one."""
    if "data" in record and ("annotations" in record or "completions" in record):
        return "; this is Label Studio's full export: export JSON-MIN, or CONLL2003 for spans"
    labels = [key for key in ("spans", "entities", "labels", "accept", "cats") if key in record]
    return f"; set label: {labels[0]} in columns" if labels and "text" in record else ""


def _refuse_root(path: str, text: str, place: int) -> NoReturn:
    if not text[place:]:
        raise InputError(f"{path}: no example; expected an array of objects")
    record, end = _decoded(f"{path}:1", text, place, "an array of objects")
    if isinstance(record, dict) and text[_after_blanks(text, end) :].startswith("{"):
        raise InputError(f"{path}: holds one object per line, not one array; set format: jsonl")
    keys = f" with {listed(record, 3)}" if isinstance(record, dict) else ""
    raise InputError(
        f"{path}: expected an array of objects. Received: {type(record).__name__}{keys}; write a "
        'JSON line {"text": …, "label": …} for each row'
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; raises if a key occurs twice."""
    record = dict(pairs)
    if len(record) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InputError(f"key {shown(twice)} occurs twice; remove one")
    return record


_JSON = json.JSONDecoder(object_pairs_hook=_once)
_LENIENT = json.JSONDecoder(parse_int=str)
