"""Where a file keeps the text and the label, and how it is written."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field

from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import as_label
from mtl_keras.errors import InputError, nearest, shown

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "arrow", "conll", "conllu")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a file keeps the text and the label.

    A string is the name of a column (or key of a JSON line), an integer its position from 0.
    Names imply a header line, positions imply none; `header` overrides that.

    Args:
        text: column of the text, or several, joined by a blank. Of kinds that label
            words, the words.
        label: column of the label, or of the words' tags or labels. -1 is the last column.
        header: whether the first line names the columns. Found from the above when None.
        label_names: what the file writes → the label it means, where the two differ.
        format: `csv` (fields may be in quotes), `tsv` (quotes mean nothing), `jsonl`, `json` (one
            array), `parquet`, `arrow`, `conll` or `conllu`. The file's name says it when None, else
            its first lines.
        delimiter: the character between fields, or `tab`; None: that of the format.
        encoding: of the text, as Python names it: `cp1252`, `utf-16`. None: UTF-8.

    Raises:
        InputError: a column that is neither a name nor a position, one for text and label alike;
            a mapping of one label twice; no such format or encoding, no delimiter.

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
        """The columns of the text, also where there is one."""
        return self.text if isinstance(self.text, tuple) else (self.text,)


def given_label(label: str | int | float) -> str:
    """A label that a declaration gives, in its one spelling.

    Raises:
        InputError: it can be none.
    """
    try:
        return as_label(label)
    except RowError as error:
        raise InputError(str(error)) from None


def _as_names(names: Mapping) -> dict[str, str]:
    """What files write → labels, both in their one spelling."""
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
    """The encoding; None if it is UTF-8, with which a byte order mark may come or not."""
    if name is None:
        return None
    try:
        "".encode(name)  # raises LookupError for what Python has that is of no text
        return None if codecs.lookup(name).name == "utf-8" else name
    except (LookupError, TypeError, ValueError):
        raise InputError(
            f"there is no encoding {shown(name)}; Python has utf-8, utf-16, cp1252, latin-1, …"
        ) from None
