"""Data in memory (frames, columns or rows) in place of files."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from mtl_keras.data.arrow_rows import ArrowStream
from mtl_keras.data.cells import plain_cell
from mtl_keras.data.columns import Columns
from mtl_keras.data.records import check_columns, joined_rows
from mtl_keras.data.rows import Refuse, Row, raise_at_once
from mtl_keras.errors import InputError, listed, nearest, shown

FORMS = (
    "a pandas or Polars frame, a list of dicts, a dict of columns, a datasets.Dataset, a tf.data "
    "dataset of dicts, a PyArrow table or a path"
)


class _Form(Protocol):
    """A reader for one kind of data in memory."""

    def records(self, columns: Columns, refuse: Refuse) -> Iterable[Sequence[Any] | None]: ...

    def place(self, row: int) -> str: ...


class Table:
    """Data in memory, in place of a file. Each pass reads it again, like a file.

    Args:
        name: of the task and the split; errors show it in place of a path.
        data: a frame, columns or rows. An iterator is read once, now.

    Raises:
        InputError: the data have no such form.

    Example:

    >>> table = Table("mood, train data", [{"text": "fine", "label": "good"}])
    >>> list(table.rows(Columns())), table.place(1)
    ([(1, 'fine', 'good')], 'mood, train data, row 0')
    """

    def __init__(self, name: str, data: Any):
        self.name = name
        self._form = _form_of(name, data)
        self._size: int | None = None  # rows, once a pass has reached the end

    def __str__(self) -> str:
        return self.name

    def rows(self, columns: Columns, refuse: Refuse = raise_at_once) -> Iterator[Row]:
        """Rows as in a file format: a number from 1, text and label.

        Args:
            columns: where text and label are.
            refuse: receives rows that are no dict of the columns, or whose texts cannot be joined.

        Raises:
            InputError: a column is missing, or an earlier pass had another number of rows.
        """
        return joined_rows(self._placed(self._form.records(columns, refuse)), refuse)

    def place(self, number: int) -> str:
        """The place of a row: its position from 0, and its label in a frame's index."""
        return f"{self.name}, {self._form.place(number - 1)}"

    def _placed(
        self, records: Iterable[Sequence[Any] | None]
    ) -> Iterator[tuple[int, str, Sequence[Any] | None]]:
        """The records with their numbers and places; as many as an earlier pass had."""
        number = 0
        for number, record in enumerate(records, 1):
            yield number, self.place(number), record
        if self._size not in (None, number):
            raise InputError(
                f"{self.name}: {self._size:,} rows at first, {number:,} at a later pass; give data "
                "that stay the same, such as list(…) of an iterable that can be read once"
            )
        self._size = number

    def fingerprint(self, columns: Columns) -> str:
        """SHA-256 of the texts and labels."""
        digest = hashlib.sha256()
        for _, text, label in self.rows(columns):
            digest.update(f"{text!r}\0{label!r}\n".encode(errors="surrogatepass"))
        return digest.hexdigest()


def table_name(task: str, split: str) -> str:
    """The name of the data in memory of a task's split."""
    return f"{task}, {split} data"


class _Frame:
    """A pandas frame: columns by name, rows by position, with an index."""

    def __init__(self, name: str, frame: Any):
        self._name, self._frame = name, frame

    def records(self, columns: Columns, refuse: Refuse) -> Iterator[Sequence[Any]]:
        wanted = check_columns(self._name, columns, self._frame.columns)
        cells = [self._frame[column].tolist() for column in wanted]
        return (tuple(map(plain_cell, record)) for record in zip(*cells, strict=True))

    def place(self, row: int) -> str:
        label = plain_cell(self._frame.index[row])
        return f"row {row}" if label == row else f"row {row} (index {shown(label)})"


class _ByColumn:
    """A mapping from names to columns, which are lists or arrays."""

    def __init__(self, name: str, columns: Mapping[Any, Any]):
        self._name, self._columns = name, columns

    def records(self, columns: Columns, refuse: Refuse) -> Iterator[Sequence[Any]]:
        wanted = check_columns(self._name, columns, self._columns)
        cells = [self._cells(column) for column in wanted]
        for column, values in zip(wanted, cells, strict=True):
            if len(values) != len(cells[0]):
                raise InputError(
                    f"{self._name}: column {shown(wanted[0])} has {len(cells[0]):,} rows, "
                    f"{shown(column)} {len(values):,}; give all equally many"
                )
        return (tuple(map(plain_cell, record)) for record in zip(*cells, strict=True))

    def place(self, row: int) -> str:
        return f"row {row}"

    def _cells(self, column: Any) -> Sequence[Any]:
        values = self._columns[column]
        if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
            raise InputError(
                f"{self._name}: column {shown(column)} must be a list or an array. Received: "
                f"{shown(values)}"
            )
        return list(values)


class _Rows:
    """Rows that map a column to its cell."""

    def __init__(self, name: str, rows: Iterable[Any]):
        self._name = name
        self._rows = list(rows) if isinstance(rows, Iterator) else rows
        self._features = getattr(rows, "features", None) or {}

    def records(self, columns: Columns, refuse: Refuse) -> Iterator[Sequence[Any] | None]:
        wanted = (*columns.text_columns, columns.label)
        names = None if columns.label_names else _class_names(self._features, columns.label)
        for row, record in enumerate(self._rows):
            if fault := self._fault(row, record, wanted):
                refuse(fault)
                yield None
                continue
            *texts, label = (plain_cell(record[column]) for column in wanted)
            yield *texts, _named(label, names) if names else label

    def place(self, row: int) -> str:
        return f"row {row}"

    def _fault(self, row: int, record: Any, wanted: Sequence[Any]) -> InputError | None:
        where = f"{self._name}, {self.place(row)}"
        if not isinstance(record, Mapping):
            return InputError(f"{where}: expected a dict of columns. Received: {shown(record)}")
        for column in wanted:
            if column not in record:
                hint = nearest(str(column), [key for key in record if isinstance(key, str)])
                fault = f"no column {shown(column)}; the row has {listed(record)}{hint}"
                return InputError(f"{where}: {fault}")
        return None


def _form_of(name: str, data: Any) -> _Form:
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return _Frame(name, data)
    if isinstance(data, Mapping):
        return _ByColumn(name, data)
    if hasattr(data, "__arrow_c_stream__"):
        return ArrowStream(name, data)
    if hasattr(data, "as_numpy_iterator"):
        return _Rows(name, _of_tf_data(name, data))
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise InputError(f"{name}: expected {FORMS}. Received: {shown(data)}")
    return _Rows(name, data)


class _TfData(Iterable[Any]):
    """The elements of a `tf.data` dataset, whose rows are dicts of scalars."""

    def __init__(self, dataset: Any):
        self._dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dataset.as_numpy_iterator())


def _of_tf_data(name: str, dataset: Any) -> _TfData:
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise InputError(f"{name}: an endless dataset; leave out repeat()")
    return _TfData(dataset)


def _class_names(features: Mapping[Any, Any], column: Any) -> Sequence[str] | None:
    """The names of the numbers in a column of a Hugging Face dataset (`ClassLabel`)."""
    feature = features.get(column)
    names = getattr(getattr(feature, "feature", feature), "names", None)
    return names if isinstance(names, list) else None


def _named(label: Any, names: Sequence[str]) -> Any:
    if isinstance(label, list):
        return [_named(item, names) for item in label]
    is_number = isinstance(label, int) and not isinstance(label, bool)
    return names[label] if is_number and 0 <= label < len(names) else label
