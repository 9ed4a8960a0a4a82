"""CoNLL columns: one word and its columns per line, and an empty line after each sentence."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from mtl_keras.data.cells import split_words
from mtl_keras.data.columns import Columns
from mtl_keras.data.delimited import delimited_rows
from mtl_keras.data.oddities import is_header_of_words
from mtl_keras.data.rows import Note, Refuse, Row, Words, ignore, raise_at_once
from mtl_keras.errors import InputError, shown
from mtl_keras.storage.files import read_lines
from mtl_keras.storage.limits import ROW, SENTENCE

# https://universaldependencies.org/format.html
CONLL_U = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_NO_WORD = re.compile(r"[0-9]+[-.][0-9]+")  # the ID of a range or an empty node
# Comments of Universal Dependencies and of MultiCoNER, whatever the following lines look like.
_COMMENT = re.compile(r"#[ \t]*(?:new(?:doc|par)(?: id\b.*)?$|[\w.:-]+ = |id [^\t]+\t\w+=)")
Record = tuple[int, list[str]]


def conll_rows(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Sentences. The word comes first and its tag last, unless `columns` gives positions."""
    cure = "every line must hold a word, its tag, and the same columns between them"
    rows = _sentences(path, _with_defaults(columns, 0, -1), cure, refuse)
    return _checked(path, rows, refuse) if columns.text == "text" else rows


def conllu_rows(
    path: str, columns: Columns, note: Note, refuse: Refuse = raise_at_once
) -> Iterator[Row]:
    """Sentences in the ten columns of Universal Dependencies, which may be named (`xpos`)."""
    columns = _with_defaults(columns, "form", "upos")
    text, label = (_column_of_conllu(path, column) for column in (columns.text, columns.label))
    columns = dataclasses.replace(columns, text=text, label=label)
    cure = "CoNLL-U has ten columns, separated by tabs"
    return _sentences(path, columns, cure, refuse)


class _WordRecords(Iterable[Record]):
    """The lines and fields of words, without comments, and without CoNLL-U's ranges (`1-2`) and
    empty nodes (`1.1`). Words without a tag go to `refuse`.

    Attributes:
        sentence: how many sentences ended before the current word.
    """

    def __init__(self, path: str, columns: Columns, refuse: Refuse):
        self.sentence = 0
        self._path, self._columns, self._refuse = path, columns, refuse

    def __iter__(self) -> Iterator[Record]:
        comments: list[tuple[int, str]] = []
        is_inside = False
        for line, string in enumerate(read_lines(self._path, self._columns.encoding), 1):
            if not string.strip() or string.startswith("-DOCSTART-"):
                yield from self._words(signs := _signs(comments))
                self.sentence += is_inside or bool(signs)
                is_inside, comments = False, []
            elif not is_inside and re.match("#($|[ \t])", string):
                comments.append((line, string))
            else:
                words = [place for place in comments if not _is_comment(place[1], string)]
                is_inside, comments = True, []
                yield from self._words([*words, (line, string)])
        yield from self._words(_signs(comments))

    def _words(self, lines: Sequence[tuple[int, str]]) -> Iterator[Record]:
        for line, string in lines:
            try:
                fields = self._fields(line, string)
            except InputError as fault:
                self._refuse(fault)
                continue
            if not (len(fields) == len(CONLL_U) and _NO_WORD.fullmatch(fields[0])):
                yield line, fields

    def _fields(self, line: int, string: str) -> list[str]:
        string = string.rstrip("\t ")
        delimiter = self._columns.delimiter or ("\t" if "\t" in string else " ")
        if delimiter == " ":
            fields = split_words(string)
        else:
            fields = [field.strip(" ") for field in string.split(delimiter)]
        if len(fields) < 2 or not fields[-1]:
            signs = [sign for sign in ";,|" if sign in string]
            hint = f"; if {signs[0]!r} separates, set delimiter: '{signs[0]}'" if signs else ""
            raise InputError(
                f"{self._path}:{line}: {shown(string.strip())} has no tag; expected a word, then "
                f"its tag{hint}"
            )
        return fields


def _with_defaults(columns: Columns, text: str | int, label: str | int) -> Columns:
    return dataclasses.replace(
        columns,
        text=text if columns.text == "text" else columns.text,
        label=label if columns.label == "label" else columns.label,
    )


def _column_of_conllu(path: str, column: str | int | tuple) -> int:
    if isinstance(column, int):
        return column
    if column in CONLL_U:
        return CONLL_U.index(column)
    raise InputError(f"{path}: no column {column!r} in CoNLL-U; it has {', '.join(CONLL_U)}")


def _signs(comments: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """The words `#` among lines that look like comments but are not followed by a word."""
    return [place for place in comments if place[1].startswith("#\t")]


def _is_comment(string: str, following: str) -> bool:
    """Whether a line that begins with `#` is a comment rather than a row."""
    if _COMMENT.match(string):
        return True
    if "\t" in string:
        return False
    if "\t" in following or " = " in string or "=" in string.split(" ")[-1]:
        return True
    return len(split_words(string)) != len(split_words(following))


def _sentences(path: str, columns: Columns, cure: str, refuse: Refuse) -> Iterator[Row]:
    records = _WordRecords(path, columns, refuse)
    sentence: list[Row] = []
    most_words, left, number = SENTENCE.most, ROW.most, 0
    for row in delimited_rows(path, columns, records, cure, ignore, refuse):
        is_first = not sentence and not number and columns.header is None
        if is_first and (fault := _fault_of_first(path, row)):
            refuse(fault)
            continue
        if sentence and records.sentence > number:
            yield _sentence(sentence)
            sentence, left = [], ROW.most
        number = records.sentence
        sentence.append(row)
        left -= len(row[1]) + len(row[2])
        if len(sentence) > most_words or left < 0:
            limit = ROW if left < 0 else SENTENCE
            raise InputError(
                f"{path}:{row[0]}: a sentence of {limit}; put an empty line between sentences"
            )
    if sentence:
        yield _sentence(sentence)


def _fault_of_first(path: str, row: Row) -> InputError | None:
    line, word, tag = row
    if not is_header_of_words(word, tag):
        return None
    return InputError(
        f"{path}:{line}: {shown(word)} and {shown(tag)} are names of columns; set header: true "
        "in columns, or header: false if they are a word and its tag"
    )


def _sentence(rows: list[Row]) -> Row:
    lines, strings, tags = zip(*rows, strict=True)
    words = Words(strings)
    words.lines = lines
    return lines[0], words, tags


def _checked(path: str, rows: Iterator[Row], refuse: Refuse) -> Iterator[Row]:
    """The rows; raises if the first column holds no words, or a line holds a whole sentence."""
    is_checked = False
    for line, words, tags in rows:
        if not is_checked and len(words) > 1:
            is_checked = True
            if _are_numbers(words):
                raise InputError(
                    f"{path}:{line}: the first column numbers the rows; set text: 1 in columns "
                    "(and label), or format: conllu; if these are the words, set text: 0"
                )
        if len(words) == 1 and " " in words[0] and " " in tags[0]:
            cure = "set format: tsv and columns: {text: 0, label: 1}"
            refuse(InputError(f"{path}:{line}: this line holds a whole sentence; {cure}"))
            continue
        yield line, words, tags


def _are_numbers(words: Sequence[str]) -> bool:
    """Whether the words are 0, 1, 2, … or 1, 2, 3, …"""
    return words[0] in ("0", "1") and all(
        word == str(number) for number, word in enumerate(words, int(words[0]))
    )
