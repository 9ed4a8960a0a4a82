"""The files of a split: their rows as examples, and how many there are of each label."""

import functools
import itertools
import os
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from mtl_keras.data.examples import Example, KnownLabels, NewLabels, RowError, sorted_labels
from mtl_keras.data.file_formats import locate, read_rows
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, shown
from mtl_keras.storage.file_cache import remembered
from mtl_keras.storage.files import find_files

Labels = KnownLabels | NewLabels
Cut = Callable[[str, int], bool]  # of a text at a position, whether it is for validation
Placed = tuple[str, int, Example]  # file, line, example
SECONDS_BETWEEN_REPORTS = 5.0
ROWS_BETWEEN_LOOKS = 50_000  # at the clock


@dataclass(frozen=True)
class Counts:
    """How many examples there are, and how often each label is given."""

    examples: int
    labels: Counter[str]

    @classmethod
    def sum(cls, counts: Iterable["Counts"]) -> "Counts":
        """All together."""
        examples, labels = 0, Counter[str]()
        for each in counts:
            examples += each.examples
            labels.update(each.labels)
        return cls(examples, labels)


Sides = tuple[Counts, Counts]  # what is kept, and what is cut off


class SplitFiles:
    """The files of one split of a task.

    Args:
        task: its kind and columns say what a row is.
        split: `train`, `validation` or `test`.
        base_folder: what relative paths are relative to.

    Raises:
        InputError: a file is missing, or comes twice.
    """

    def __init__(self, task: Task, split: str, base_folder: str | os.PathLike):
        self.paths = find_files(task.files[split], base_folder)
        self._task = task
        self._kind = task.label_kind
        self._columns = task.columns_of(split)
        self._asked = {
            "facts": "counts",
            "kind": self._kind.name,
            "text": self._columns.text,
            "label": self._columns.label,
            "header": self._columns.header,
            "label_names": dict(self._columns.label_names),
        }

    def rows(self, path: str, labels: Labels) -> Iterator[Placed]:
        """The examples of one of the files, with their places.

        Raises:
            InputError: a row that is against the format or the kind, with file and line.
        """
        per_word = self._kind.per_word
        for line, text, label in read_rows(path, self._columns, per_word=per_word):
            try:
                example = self._kind.example(text, label, self._columns.label_names, labels)
            except RowError as fault:
                where = locate(path, line, part=fault.part, word=fault.word, per_word=per_word)
                raise InputError(f"{where}: {fault}{_header_hint(path, line)}") from None
            yield path, line, example

    def counts(
        self, labels: KnownLabels | None, report: Callable[[str], None] = lambda line: None
    ) -> list[Sides]:
        """Checks and counts each file's rows, or knows that from when the file was last read.

        Args:
            labels: those of the task; None: the files tell.
            report: told every few seconds how far it is.

        Returns:
            Of each file what is kept and what is cut off, by text.

        Raises:
            InputError: as of `rows`.
        """
        asked = self._asked | {"labels": None if labels is None else list(labels)}
        clock, found = _Clock(report, len(self.paths)), []
        for path in self.paths:
            clock.files += 1
            facts = remembered(path, asked, functools.partial(self._facts, path, labels, clock))
            kept, cut_off = (Counts(n, Counter(given)) for n, given in facts["sides"])
            found.append((kept, cut_off))
        return found

    def count(
        self,
        rows: Iterable[Placed],
        labels: Labels,
        is_cut_off: Cut,
        at: Callable[[int], None] = lambda row: None,
    ) -> Sides:
        """Counts both sides of a cut by text and position; `at` is called every 50,000 rows."""
        numbers = [0, 0]
        given: list[Counter[int]] = [Counter(), Counter()]
        for position, (_, _, example) in enumerate(rows):
            side = is_cut_off(example.text, position)
            numbers[side] += 1
            for index in self._kind.counted(example.label):
                given[side][index] += 1
            if not position % ROWS_BETWEEN_LOOKS:
                at(position)
        names = list(labels)
        kept, cut_off = (
            Counts(number, Counter({names[index]: n for index, n in each.items()}))
            for number, each in zip(numbers, given, strict=True)
        )
        return kept, cut_off

    def labels(self, found: Counts) -> list[str]:
        """The labels that the files give, sorted.

        Raises:
            InputError: there is none; where the kind refuses that, only one, or one that only one
                row has.
        """
        labels, place = sorted_labels(found.labels), self.paths[0]
        if not labels:
            raise InputError(f"{place}: no label in any row; task {self._task.name!r} needs some")
        single = next((label for label, number in found.labels.items() if number == 1), None)
        if self._kind.refuses_single and single is not None:
            self._refuse(single, KnownLabels(labels))
        if self._kind.needs_two_labels and len(labels) == 1:
            raise InputError(
                f"{place}: every row has the label {shown(labels[0])}; expected two or more"
            )
        return labels

    def cut(self, sides: Sequence[Sides], labels: Labels) -> tuple[Cut, Sides]:
        """What cuts a validation split off these files, and both its sides.

        Args:
            sides: what `counts` gave.
            labels: of the task.

        Raises:
            InputError: there is one example.
        """
        is_cut_off: Cut = is_cut_off_by_text
        kept, cut_off = map(Counts.sum, zip(*sides, strict=True))
        if not 0 < 4 * cut_off.examples <= kept.examples:
            is_cut_off = is_cut_off_by_position
            rows = itertools.chain.from_iterable(self.rows(path, labels) for path in self.paths)
            kept, cut_off = self.count(rows, labels, is_cut_off)
        if not kept.examples:
            raise InputError(
                f"{self.paths[0]}: one example, too few to cut off a validation split; "
                "give more, or validation files"
            )
        return is_cut_off, (kept, cut_off)

    def _facts(self, path: str, labels: KnownLabels | None, clock: "_Clock") -> dict:
        index = NewLabels() if labels is None else labels
        sides = self.count(self.rows(path, index), index, is_cut_off_by_text, clock.look)
        clock.rows += sum(each.examples for each in sides)
        return {"sides": [[each.examples, each.labels] for each in sides]}

    def _refuse(self, single: str, labels: KnownLabels) -> NoReturn:
        rows = itertools.chain.from_iterable(self.rows(path, labels) for path in self.paths)
        path, line, _ = next(row for row in rows if row[2].label == labels[single])
        raise InputError(
            f"{locate(path, line, part='label')}: only this row has the label {shown(single)}; add "
            f"another, correct it, or list the task's labels to keep it{_header_hint(path, line)}"
        )


class _Clock:
    """Says every few seconds how many rows have been read."""

    def __init__(self, report: Callable[[str], None], of_files: int):
        self.rows = self.files = 0
        self._report, self._of_files, self._said = report, of_files, time.monotonic()

    def look(self, row: int) -> None:
        """After so many rows of a file."""
        if time.monotonic() - self._said >= SECONDS_BETWEEN_REPORTS:
            self._said = time.monotonic()
            self._report(
                f"{self.rows + row:,} rows checked and counted, file {self.files} of "
                f"{self._of_files}"
            )


def is_cut_off_by_text(text: str, position: int) -> bool:
    """Whether a text is among the tenth that a checksum picks."""
    return zlib.crc32(text.encode()) % 10 == 0


def is_cut_off_by_position(text: str, position: int) -> bool:
    """Whether a row is a tenth one."""
    return position % 10 == 0


def _header_hint(path: str, line: int) -> str:
    """What to say of the first line of a table that is no row."""
    if line > 1 or not path.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        return ""
    return "; if this line is a header, say header: true in columns"
