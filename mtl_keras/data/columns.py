"""Which columns of a file hold the text and the label, and how the file is written."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field

from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import as_label
from mtl_keras.errors import InputError, nearest, shown

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "arrow", "conll", "conllu")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a file hold the text and the label.

    A string is the name of a column (or a key of JSON objects), an integer its position from 0.
    Names imply a header line, positions imply none; `header` overrides that.

    Args:
        text: column of the text, or several columns, which are joined by a blank. If words are
            labelled, the column of the words.
        label: column of the label, or of the words' tags or labels. -1 is the last column.
        header: whether the first line names the columns. None means as `text` and `label` imply.
        label_names: what the file writes → the label that it means, if the two differ.
        format: `csv` (fields may be in quotes), `tsv` (quotes mean nothing), `jsonl`, `json` (one
            array), `parquet`, `arrow`, `conll` or `conllu`. None means that the file's name, or
            else its first lines, decide.
        delimiter: the character between fields, or `tab`; None means that of the format.
        encoding: of the text, as Python names it: `cp1252`, `utf-16`. None means UTF-8.

    Raises:
        InputError: a column is neither a name nor a position; text and label are the same column;
            a label is mapped twice; or there is no such format, encoding or delimiter.

    Example:

    >>> Columns(text=(1, 2), label=0, label_names={1: "World", 2: "Sports"}).label_names
    {'1': 'World', '2': 'Sports'}
    """

    text: str | int | tuple[str | int, ...] = "text"
    label: str | int = "label"
    header: bool | None = None
    label_names: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.text, list):
            object.__setattr__(self, "text", tuple(self.text))
        for column in (*(self.text_columns or (None,)), self.label):
            if not isinstance(column, str | int) or isinstance(column, bool):
                raise InputError(
                    f"a column is a name or a position from 0. Received: {column!r}; in YAML, "
                    "quote a name"
                )
        if self.label in self.text_columns:
            raise InputError(f"text and label are both column {self.label!r}; name two columns")
        object.__setattr__(self, "label_names", _as_names(self.label_names))
        object.__setattr__(self, "delimiter", _as_delimiter(self.delimiter))
        _check_format(self.format)
        object.__setattr__(self, "encoding", _as_encoding(self.encoding))

    @property
    def text_columns(self) -> tuple[str | int, ...]:
        """The columns of the text as a tuple, even if there is only one."""
        return self.text if isinstance(self.text, tuple) else (self.text,)


def given_label(label: str | int | float) -> str:
    """A label from a declaration, normalized (`as_label`).

    Raises:
        InputError: it cannot be a label.
    """
    try:
        return as_label(label)
    except RowError as error:
        raise InputError(str(error)) from None


def _as_names(names: Mapping) -> dict[str, str]:
    """What files write → labels, both normalized."""
    meanings: dict[str, str] = {}
    for key, meaning in names.items():
        label = given_label(key)
        if label in meanings:
            raise InputError(f"label_names has {label!r} twice, as {key!r} is the same; remove one")
        meanings[label] = given_label(meaning)
        if not meanings[label]:
            raise InputError(f"label_names: {key!r} stands for an empty label; fill it in")
    return meanings


def _as_delimiter(delimiter: str | None) -> str | None:
    delimiter = "\t" if delimiter in ("tab", "\\t") else delimiter
    if delimiter is None or (
        isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '"\r\n'
    ):
        return delimiter
    raise InputError(
        f"delimiter is the one character between fields, such as ';', or tab. Received: "
        f"{shown(delimiter)}"
    )


def _check_format(name: str | None) -> None:
    if name is not None and name not in FORMATS:
        raise InputError(
            f"format is one of {', '.join(FORMATS)}. Received: {shown(name)}"
            f"{nearest(str(name), FORMATS)}"
        )


def _as_encoding(name: str | None) -> str | None:
    """The encoding; None for UTF-8, with or without a byte order mark."""
    if name is None:
        return None
    try:
        "".encode(name)  # raises LookupError for Python's codecs that are not text encodings
        return None if codecs.lookup(name).name == "utf-8" else name
    except (LookupError, TypeError, ValueError):
        raise InputError(
            f"there is no encoding {shown(name)}; Python has utf-8, utf-16, cp1252, latin-1, …"
        ) from None
