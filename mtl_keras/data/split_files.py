"""The files of a split: reads their rows as examples, and counts their labels."""

import functools
import itertools
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mtl_keras.data.clock import Clock
from mtl_keras.data.counts import Counts, Moments
from mtl_keras.data.examples import Example, RowError
from mtl_keras.data.file_checks import FileChecks
from mtl_keras.data.file_formats import is_word_a_line, locate, may_have_header, read_rows
from mtl_keras.data.label_index import KnownLabels, NewLabels, sorted_labels
from mtl_keras.data.labels import LabelReader
from mtl_keras.data.oddities import NAMES_OF_COLUMNS, NAMES_OF_TAGS, Oddities
from mtl_keras.data.tables import Table, table_name
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, shown
from mtl_keras.storage.file_cache import remembered
from mtl_keras.storage.files import find_files

Labels = KnownLabels | NewLabels
Cut = Callable[[str, int], bool]  # text, position → whether it belongs to validation
Source = str | Table  # a file, or data from memory
Placed = tuple[Source, int, Example]  # file or table, line, example
ROWS_BETWEEN_LOOKS = 50_000  # rows between two looks at the clock
Sides = tuple[Counts, Counts]  # the part that is kept, and the part cut off for validation


class SplitFiles:
    """The files of one split of a task.

    Args:
        task: its kind and columns define how a row is read.
        split: `train`, `validation` or `test`.
        base_folder: what relative paths are relative to.

    Raises:
        InputError: a file is missing, or is listed twice.

    Attributes:
        paths: of the files, or tables from memory.
        oddities: of the files, after they were counted.
    """

    def __init__(self, task: Task, split: str, base_folder: str | os.PathLike):
        self.paths = _found(task, split, base_folder)
        self._task, self._split = task, split
        self._kind = task.label_kind
        self._columns = task.columns_of(split)
        self._may_have_header = functools.partial(
            may_have_header, columns=self._columns, per_word=self._kind.per_word
        )
        self.oddities = Oddities()
        self._question: dict[str, Any] = {
            "facts": "counts, numbers and oddities, checked together",
            "kind": self._kind.name,
            "text": self._columns.text,
            "label": self._columns.label,
            "header": self._columns.header,
            "label_names": dict(self._columns.label_names),
            "format": [self._columns.format, self._columns.delimiter, self._columns.encoding],
        }

    def rows(
        self, path: Source, labels: Labels, oddities: Oddities | None = None
    ) -> Iterator[Placed]:
        """The examples of one of the files, with their places.

        Args:
            path: of the file.
            labels: label → index.
            oddities: receives the oddities of the file.

        Raises:
            InputError: a row does not fit the format or the kind; with file and line.
        """
        oddities = Oddities() if oddities is None else oddities
        reader = LabelReader(self._columns.label_names)
        place = functools.partial(self._line, path)

        def note(about: str, line: int, detail: str = "") -> None:
            oddities.note(place(line), about, detail)

        rows = read_rows(path, self._columns, per_word=self._kind.per_word, note=note)
        has_sentences = self._kind.per_word and not is_word_a_line(path, self._columns)
        checks = FileChecks(path, place, reader, note, has_sentences=has_sentences)
        for line, text, label in rows:
            try:
                example = self._kind.example(text, label, reader, labels)
            except RowError as fault:
                hint = self._header_hint(path, line, fault)
                raise InputError(f"{self._where(path, line, fault)}: {fault}{hint}") from None
            checks.look(line, example)
            yield path, line, example
        checks.finish()
        oddities.used |= reader.used

    def counts(
        self,
        labels: Sequence[str],
        report: Callable[[str], None] = lambda line: None,
        *,
        more: bool = False,
    ) -> list[Sides]:
        """Checks and counts each file's rows; unchanged files are taken from the cache.

        Args:
            labels: those of the task.
            report: receives the progress every few seconds.
            more: whether the files may have other labels too.

        Returns:
            For each file, the counts of both sides of a cut by text.

        Raises:
            InputError: as `rows`.
        """
        question = self._question | {"labels": list(labels), "more": more}
        clock = Clock(self._task.name, self._split, report, len(self.paths))
        sides: list[Sides] = []
        for path in self.paths:
            clock.files += 1
            index = NewLabels(labels) if more else KnownLabels(labels)
            find = functools.partial(self._facts, path, index, clock)
            facts = find() if isinstance(path, Table) else remembered(path, question, find)
            kept, cut_off = map(Counts.from_json, facts["sides"])
            sides.append((kept, cut_off))
            self.oddities.add(Oddities.from_json(facts["oddities"]))
        self._check_first_lines(labels, sides)
        return sides

    def count(
        self,
        rows: Iterable[Placed],
        labels: Labels,
        is_cut_off: Cut,
        at: Callable[[int], None] = lambda row: None,
    ) -> Sides:
        """Counts the examples on both sides of a cut; calls `at` every 50,000 rows."""
        numbers = [0, 0]
        given: list[Counter[int]] = [Counter(), Counter()]
        moments, is_number = (Moments(), Moments()), not self._kind.has_labels
        for position, (_, _, example) in enumerate(rows):
            side = is_cut_off(example.text, position)
            numbers[side] += 1
            for index in self._kind.counted(example.label):
                given[side][index] += 1
            if is_number:
                moments[side].add(example.label)  # type: ignore[arg-type]
            if not position % ROWS_BETWEEN_LOOKS:
                at(position)
        names = list(labels)
        kept, cut_off = (
            Counts(number, Counter({names[index]: n for index, n in by_index.items()}), of_numbers)
            for number, by_index, of_numbers in zip(numbers, given, moments, strict=True)
        )
        return kept, cut_off

    def labels(self, counts: Counts) -> list[str]:
        """The labels in the files, sorted.

        Raises:
            InputError: there is none, or only one although the kind needs two.
        """
        labels, place = sorted_labels(counts.labels), self.paths[0]
        if not labels:
            raise InputError(f"{place}: no label in any row; task {self._task.name!r} needs some")
        if self._kind.needs_two_labels and len(labels) == 1:
            raise InputError(
                f"{place}: every row has the label {shown(labels[0])}; expected two or more"
            )
        return labels

    def more_labels(self, labels: Sequence[str], counts: Counts) -> list[str]:
        """The labels in the files that the task does not have.

        Raises:
            InputError: the files have none of the task's labels; names the first row.
        """
        index = KnownLabels(labels)
        more = [label for label in counts.labels if label not in index]
        if more and len(more) == len(counts.labels):
            for path in self.paths:
                for _ in self.rows(path, index):
                    pass
        return more

    def cut(self, sides: Sequence[Sides], labels: Labels) -> tuple[Cut, Sides]:
        """A rule that cuts a validation split off these files, and the counts of both sides.

        Args:
            sides: the result of `counts`.
            labels: of the task.

        Raises:
            InputError: there is only one example.
        """
        is_cut_off: Cut = is_cut_off_by_text
        kept, cut_off = map(Counts.sum, zip(*sides, strict=True))
        if not 0 < 4 * cut_off.examples <= kept.examples:
            is_cut_off = is_cut_off_by_position
            rows = itertools.chain.from_iterable(self.rows(path, labels) for path in self.paths)
            kept, cut_off = self.count(rows, labels, is_cut_off)
        if not kept.examples:
            raise InputError(
                f"{self.paths[0]}: only one example, too few to cut off a validation split; "
                "give more, or validation files"
            )
        return is_cut_off, (kept, cut_off)

    def _facts(self, path: Source, index: Labels, clock: Clock) -> dict:
        oddities = Oddities()
        rows = self._first_noted(path, index, oddities)
        sides = self.count(rows, index, is_cut_off_by_text, clock.look)
        clock.rows += sum(side.examples for side in sides)
        return {
            "sides": [side.to_json() for side in sides],
            "oddities": oddities.to_json(),
        }

    def _first_noted(self, path: Source, index: Labels, oddities: Oddities) -> Iterator[Placed]:
        """The rows. Notes the label of a first line that may be a header of one word per column."""
        may = self._may_have_header(path)
        for placed in self.rows(path, index, oddities):
            _, line, example = placed
            most = len(self._columns.text_columns)
            if may and line == 1 and (example.words or len(example.text.split()) <= most):
                label: Any = example.label
                given = set(self._kind.counted(label[:1] if example.words else label))
                if len(given) == 1:
                    oddities.first = {
                        label: [str(path)] for label, at in index.items() if at in given
                    }
            yield placed

    def _check_first_lines(self, labels: Sequence[str], sides: Sequence[Sides]) -> None:
        """Raises for an undeclared header, whose label occurs in first lines only."""
        counts = Counts.sum(itertools.chain.from_iterable(sides)).labels
        names = NAMES_OF_TAGS if self._kind.per_word else NAMES_OF_COLUMNS
        for label, paths in self.oddities.first.items():
            doubted = self._kind.doubts_first_line or label.casefold() in names
            if doubted and counts[label] == len(paths) and label not in labels:
                raise InputError(
                    f"{paths[0]}:1: only this row has the label {shown(label)}; correct it, or "
                    "list the task's labels or set header: false in columns to keep it; if this "
                    "line is a header, set header: true in columns"
                )

    def _line(self, path: Source, line: int) -> str:
        """The place of a whole row."""
        return path.place(line) if isinstance(path, Table) else f"{path}:{line}"

    def _where(self, path: Source, line: int, fault: RowError) -> str:
        return locate(
            path,
            line,
            part=fault.part,
            word=fault.word,
            per_word=self._kind.per_word,
            columns=self._columns,
        )

    def _header_hint(self, path: Source, line: int, fault: RowError) -> str:
        """The hint for a faulty first line that may be a header; else empty."""
        if line > 1 or fault.word or not self._may_have_header(path):
            return ""
        return "; if this line is a header, set header: true in columns"


def _found(task: Task, split: str, base_folder: str | os.PathLike) -> list[Source]:
    """The tables, then the files that paths and globs match."""
    sources = task.files[split]
    tables: list[Source] = [source for source in sources if isinstance(source, Table)]
    paths = [source for source in sources if not isinstance(source, Table)]
    if table_name(task.name, split) in paths:
        raise InputError(
            f"task {task.name!r}: its {split} data were in memory, and are in no file; give them "
            "again in Python, such as model.evaluate_tasks(datasets={task: TaskDataset(…)}) with "
            "model = Run(folder).model(), or write them to a file and name it in the recipe"
        )
    return [*tables, *find_files(paths, base_folder)]


def is_cut_off_by_text(text: str, position: int) -> bool:
    """Whether a checksum picks this text; it picks about a tenth."""
    return zlib.crc32(text.encode()) % 10 == 0


def is_cut_off_by_position(text: str, position: int) -> bool:
    """Whether a row is the first of ten."""
    return position % 10 == 0
