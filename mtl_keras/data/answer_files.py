"""Files of answers: the rows that were asked, with every task's answer."""

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mtl_keras.data.answer_forms import READ, AnswerForm
from mtl_keras.data.text_files import Record, TextRow
from mtl_keras.encoders.chunks import chunks
from mtl_keras.errors import InputError, first_line, listed, shown
from mtl_keras.storage.writing import check_path, write_whole

ROWS_AT_ONCE = 1024  # of a Parquet file
ANSWERS = "answers"  # key of a JSON line
Forms = Mapping[str, AnswerForm]  # by task


class Answered(NamedTuple):
    """A row that was asked, and the answer to its text, as `mtl_keras.answer` returns it."""

    row: TextRow
    answer: Mapping[str, Any]


def check_answer_file(path: str, asked: str | None) -> None:
    """Raises `InputError` if no answers can be written to this path.

    Args:
        path: of the file to write.
        asked: of the file that is read; None: there is none.
    """
    check_path(path)
    file = Path(path)
    if file.suffix not in _WRITERS:
        raise InputError(
            f"{path}: the name of a file of answers ends in {listed(_WRITERS)}; choose one"
        )
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise InputError(f"{path}: --output is a file in an existing folder")
    if asked is not None and file.exists() and file.samefile(asked):
        raise InputError(f"{path}: --output is the file of --input; choose another")


def write_answers(path: str, answered: Iterable[Answered], forms: Forms) -> None:
    """Writes a row for each answer, as they come; the file appears when it is complete.

    A `.jsonl` file has the fields of the row that was asked, and `answers`: task → answer. `.csv`
    and `.parquet` files have a column for each field, then `read` and for each task those of its
    form, as `topic/label` and `topic/score`; lists are JSON.

    Args:
        path: of the file; its name says the format.
        answered: rows and answers.
        forms: task → the form of its answers.

    Raises:
        InputError: a field has the name of a column of answers; a row has other columns than the
            first, or cells of another type.
        WorkError: the file cannot be written.
    """
    write_rows = _WRITERS[Path(path).suffix]
    write_whole(Path(path), lambda file: write_rows(file, path, answered, forms))


def _write_jsonl(file: Path, name: str, answered: Iterable[Answered], forms: Forms) -> None:
    with open(file, "w", encoding="utf-8") as opened:
        for row, answer in answered:
            _check_free(name, row.fields, [ANSWERS])
            record = row.fields | {ANSWERS: {key: answer.get(key) for key in (READ, *forms)}}
            opened.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def _write_csv(file: Path, name: str, answered: Iterable[Answered], forms: Forms) -> None:
    with open(file, "w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        columns: list[str] = []
        for record in _records(name, answered, forms):
            if not columns:
                columns = [*record]
                writer.writerow(columns)
            _check_columns(name, record, columns)
            writer.writerow(map(_csv_cell, record.values()))


def _write_parquet(file: Path, name: str, answered: Iterable[Answered], forms: Forms) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    records = _records(name, answered, forms)
    with contextlib.ExitStack() as stack:
        writer = None
        for chunk in chunks(records, ROWS_AT_ONCE, lambda record: len(record)):
            try:
                table = pa.Table.from_pylist(chunk, writer.schema if writer else None)
            except pa.ArrowException as error:
                raise InputError(
                    f"{name}: cells of a column differ in type ({first_line(error)}); write .jsonl"
                ) from None
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(file, table.schema))
            writer.write_table(table)


def _records(name: str, answered: Iterable[Answered], forms: Forms) -> Iterator[Record]:
    """The rows of a table: fields, then answers."""
    for row, answer in answered:
        cells: Record = {READ: answer.get(READ)}  # exports of 0.1.0 have none
        for task, form in forms.items():
            cells |= {f"{task}/{part}": cell for part, cell in form.cells(answer[task]).items()}
        _check_free(name, row.fields, cells)
        yield row.fields | cells


def _check_free(name: str, fields: Record, of_answers: Iterable[str]) -> None:
    taken = [column for column in of_answers if column in fields]
    if taken:
        raise InputError(
            f"{name}: the input has a column {shown(taken[0])}, which is one of answers; rename it"
        )


def _check_columns(name: str, record: Record, columns: list[str]) -> None:
    if [*record] != columns:
        raise InputError(
            f"{name}: rows of the input differ in their columns: {listed(columns)} and "
            f"{listed(record)}; write .jsonl"
        )


def _csv_cell(cell: Any) -> Any:
    return (
        json.dumps(cell, ensure_ascii=False, default=str) if isinstance(cell, dict | list) else cell
    )


_WRITERS: dict[str, Callable[[Path, str, Iterable[Answered], Forms], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
