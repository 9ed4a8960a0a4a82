"""The files of a split: reads their rows as examples, and counts their labels."""

import functools
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mtl_keras.data.clock import Clock
from mtl_keras.data.counts import Counts, Moments
from mtl_keras.data.examples import Example, RowError
from mtl_keras.data.file_checks import FileChecks
from mtl_keras.data.file_formats import is_word_a_line, locate, read_rows
from mtl_keras.data.first_lines import FirstLines
from mtl_keras.data.label_index import KnownLabels, NewLabels, sorted_labels
from mtl_keras.data.labels import LabelReader
from mtl_keras.data.oddities import Oddities
from mtl_keras.data.rows import Note, Refuse, Row, ignore, leave_out, raise_at_once, until_fault
from mtl_keras.data.split_sources import Source, find_sources
from mtl_keras.data.tables import Table
from mtl_keras.data.task import Task
from mtl_keras.data.validation_cut import Cut, is_cut_off_by_position, is_cut_off_by_text
from mtl_keras.errors import InputError, shown
from mtl_keras.storage.file_cache import remembered

Labels = KnownLabels | NewLabels
Placed = tuple[Source, int, Example]  # file or table, line, example
ROWS_BETWEEN_LOOKS = 50_000  # rows between two looks at the clock
Sides = tuple[Counts, Counts]  # the part that is kept, and the part cut off for validation


class SplitFiles:
    """The files of one split of a task.

    Args:
        task: its kind and columns define how a row is read.
        split: `train`, `validation` or `test`.
        base_folder: what relative paths are relative to.
        refuse: receives every fault of the files as they are counted; other passes leave faulty
            rows out. None raises the first fault.

    Raises:
        InputError: a file is missing, or is listed twice.

    Attributes:
        faults: how many faults `refuse` has received.
        paths: of the files, or tables from memory.
        oddities: of the files, after they were counted.
    """

    def __init__(
        self,
        task: Task,
        split: str,
        base_folder: str | os.PathLike,
        refuse: Refuse | None = None,
    ):
        self._refuse = refuse or raise_at_once
        self._later = leave_out if refuse else raise_at_once
        self.faults = 0
        self.paths = find_sources(task, split, base_folder, self.refuse)
        self._task, self._split = task, split
        self._kind = task.label_kind
        self._columns = task.columns_of(split)
        self._first_lines = FirstLines(self._kind, self._columns)
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

    def refuse(self, error: InputError) -> None:
        """Receives a fault of the split, and raises it unless faults are collected."""
        self.faults += 1
        self._refuse(error)

    def rows(
        self,
        path: Source,
        labels: Labels,
        oddities: Oddities | None = None,
        refuse: Refuse | None = None,
    ) -> Iterator[Placed]:
        """The examples of one of the files, with their places.

        Args:
            path: of the file.
            labels: label → index.
            oddities: receives the oddities of the file.
            refuse: receives faults, with file and line.

        Raises:
            InputError: a row does not fit the format or the kind, and `refuse` is None and the
                split's faults are not collected.
        """
        oddities, refuse = oddities or Oddities(), refuse or self._later
        return until_fault(self._examples(path, labels, oddities, refuse), refuse)

    def _examples(
        self, path: Source, labels: Labels, oddities: Oddities, refuse: Refuse
    ) -> Iterator[Placed]:
        reader = LabelReader(self._columns.label_names)
        place = functools.partial(self._line, path)

        def note(about: str, line: int, detail: str = "") -> None:
            oddities.note(place(line), about, detail)

        rows = self._raw_rows(path, refuse, note)
        has_sentences = self._kind.per_word and not is_word_a_line(path, self._columns)
        checks = FileChecks(path, place, reader, note, has_sentences=has_sentences)
        for line, text, label in rows:
            try:
                example = self._kind.example(text, label, reader, labels)
            except RowError as fault:
                for error in self._errors(path, line, text, fault):
                    refuse(error)
            else:
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
        clock = Clock(self._task.name, self._split, report, self.paths)
        sides: list[Sides] = []
        for path in self.paths:
            clock.files += 1
            index = NewLabels(labels) if more else KnownLabels(labels)
            find = functools.partial(self._facts, path, index, clock)
            is_new = isinstance(path, Table) or self._later is leave_out
            facts = find() if is_new else remembered(path, question, find)  # type: ignore[arg-type]
            kept, cut_off = map(Counts.from_json, facts["sides"])
            sides.append((kept, cut_off))
            self.oddities.add(Oddities.from_json(facts["oddities"]))
        total = Counts.sum(itertools.chain.from_iterable(sides))
        for fault in self._first_lines.faults(self.oddities, total, labels):
            self.refuse(fault)
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
                self._refuse_unknown(path, index)
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
        rows = until_fault(self._first_noted(path, index, oddities), self.refuse)
        sides = self.count(rows, index, is_cut_off_by_text, clock.look)
        clock.rows += sum(side.examples for side in sides)
        return {
            "sides": [side.to_json() for side in sides],
            "oddities": oddities.to_json(),
        }

    def _first_noted(self, path: Source, index: Labels, oddities: Oddities) -> Iterator[Placed]:
        """The rows. Notes the label of a first line that may be a header."""
        may = self._first_lines.may_have_header(path)
        for placed in self.rows(path, index, oddities, self.refuse):
            _, line, example = placed
            if may and line == 1 and (first := self._first_lines.label(example)) is not None:
                oddities.first = {label: [str(path)] for label, at in index.items() if at == first}
            yield placed

    def _refuse_unknown(self, path: Source, index: KnownLabels) -> None:
        """Refuses the rows of a file that are right but for labels that the task does not have."""
        for line, text, label in until_fault(self._raw_rows(path, self._later), self._later):
            reader = LabelReader(self._columns.label_names)
            try:
                self._kind.example(text, label, reader, NewLabels())
            except RowError:
                continue  # refused when it was counted
            try:
                self._kind.example(text, label, reader, index)
            except RowError as fault:
                for error in self._errors(path, line, text, fault):
                    self.refuse(error)

    def _raw_rows(self, path: Source, refuse: Refuse, note: Note = ignore) -> Iterator[Row]:
        per_word = self._kind.per_word
        return read_rows(path, self._columns, per_word=per_word, note=note, refuse=refuse)

    def _line(self, path: Source, line: int) -> str:
        """The place of a whole row."""
        return path.place(line) if isinstance(path, Table) else f"{path}:{line}"

    def _errors(self, path: Source, line: int, text: Any, fault: RowError) -> Iterator[InputError]:
        """The faults of a row, one for each line."""
        places: set[str] = set()
        for part in (fault, *fault.others):
            per_word = self._kind.per_word
            place = locate(path, line, part=part.part, word=part.word, per_word=per_word, text=text)
            if place not in places:
                places.add(place)
                hint = self._first_lines.hint(path, line, part)
                yield InputError(f"{place}: {part}{hint}")


def only_paths(files: Iterable[SplitFiles]) -> list[str]:
    """The files and folders of some splits, without tables."""
    return [path for of_split in files for path in of_split.paths if isinstance(path, str)]
