"""Finds first lines that are headers although nobody said so."""

from collections.abc import Collection, Iterator
from typing import Any

from mtl_keras.data.columns import Columns
from mtl_keras.data.counts import Counts
from mtl_keras.data.examples import Example, RowError
from mtl_keras.data.file_formats import may_have_header
from mtl_keras.data.label_kinds import LabelKind
from mtl_keras.data.oddities import NAMES_OF_COLUMNS, NAMES_OF_TAGS, Oddities
from mtl_keras.data.split_sources import Source
from mtl_keras.errors import InputError, shown


class FirstLines:
    """The first lines of a split's files.

    Args:
        kind: of the task.
        columns: of the split.
    """

    def __init__(self, kind: LabelKind, columns: Columns):
        self._kind, self._columns = kind, columns

    def may_have_header(self, path: Source) -> bool:
        """Whether a file's first line may name the columns although `header` is not set."""
        return may_have_header(path, self._columns, per_word=self._kind.per_word)

    def hint(self, path: Source, line: int, fault: RowError) -> str:
        """The hint for a faulty first line that may be a header; else empty."""
        if line > 1 or fault.word or not self.may_have_header(path):
            return ""
        return "; if this line is a header, set header: true in columns"

    def label(self, example: Example) -> int | None:
        """The index of the label of a first line that may be a header of one word per column."""
        if not (example.words or len(example.text.split()) <= len(self._columns.text_columns)):
            return None
        label: Any = example.label
        given = set(self._kind.counted(label[:1] if example.words else label))
        return given.pop() if len(given) == 1 else None

    def faults(
        self, oddities: Oddities, counts: Counts, labels: Collection[str]
    ) -> Iterator[InputError]:
        """Undeclared headers: their labels occur in first lines only.

        Args:
            oddities: of the files, with the labels of their first lines.
            counts: of all files.
            labels: those that the task lists.
        """
        names = NAMES_OF_TAGS if self._kind.per_word else NAMES_OF_COLUMNS
        for label, paths in oddities.first.items():
            doubted = self._kind.doubts_first_line or label.casefold() in names
            if doubted and counts.labels[label] == len(paths) and label not in labels:
                yield InputError(
                    f"{paths[0]}:1: only this row has the label {shown(label)}; correct it, or "
                    "list the task's labels or set header: false in columns to keep it; if this "
                    "line is a header, set header: true in columns"
                )
