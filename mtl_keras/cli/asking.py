"""What `predict` asks (arguments, a file, a pipe), and whom (a run, an export, a `.keras` file)."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mtl_keras.data.answer_files import Answered
from mtl_keras.data.answer_forms import AnswerForm
from mtl_keras.data.text_files import COLUMN, TextRow, text_rows
from mtl_keras.encoders.chunks import chunks
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.loading import KERAS, run_or_export
from mtl_keras.export.saved_model.rest_description import in_order
from mtl_keras.runs.run import Run
from mtl_keras.storage.limits import ROW

if TYPE_CHECKING:
    from mtl_keras.models.multi_task_model import MultiTaskModel

PIPE = "-"  # in the place of a file
TEXTS_AT_ONCE, PIPED_AT_ONCE = 1024, 32
FEW_TEXTS = 32  # up to here, answering without a graph is faster than tracing one

Ask = Callable[[Sequence[str]], list[dict]]


@dataclass(frozen=True)
class Asked:
    """The texts of a call.

    Args:
        rows: with what belongs to them; they can be read once.
        count: how many they are; None if that is not known before the end.
    """

    rows: Iterable[TextRow]
    count: int | None


class Answerer(NamedTuple):
    """What answers texts.

    Args:
        ask: texts → answers, as `mtl_keras.answer` returns them.
        forms: task → the form of its answers.
    """

    ask: Ask
    forms: Mapping[str, AnswerForm]


def asked(texts: Sequence[str], path: str | None, column: str | None) -> Asked:
    """The texts of the arguments, else of a file, else of what is piped in, a line each.

    Raises:
        InputError: texts and a file, or neither; what `count_texts` raises.
    """
    if texts and path:
        raise InputError("predict takes either texts or --input FILE. Received: both")
    if column is not None and path in (None, PIPE):
        raise InputError("--column names a column of --input FILE; leave it out")
    if texts:
        return Asked((TextRow(text, {COLUMN: text}) for text in texts), len(texts))
    if path is not None and path != PIPE:
        return Asked(text_rows(path, column), count_texts(path, column))
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            "predict takes texts, --input FILE, or lines that are piped in. Received: none"
        )
    return Asked(_piped_rows(), None)


def count_texts(path: str, column: str | None) -> int:
    """How many texts a file has; it is read to its end, so that no fault is met half-way.

    Raises:
        InputError: the file has no text, or a fault.
    """
    count = sum(1 for _ in text_rows(path, column))
    if not count:
        raise InputError(f"{path}: empty; give a text in each row")
    return count


def answerer_of(folder: str | Path, best: str | None, count: int | None) -> Callable[[], Answerer]:
    """A function that loads the run or the export in a folder; the function needs TensorFlow.

    Args:
        folder: of a run, of an export, or of numbered exports; or a `.keras` file.
        best: the task whose best weights answer, of a run.
        count: of texts, if known.

    Raises:
        InputError: the folder holds neither, or the run is damaged; an export and `best`.
    """
    source = run_or_export(folder)
    if isinstance(source, Run):
        return functools.partial(_of_run, source, best, count)
    if best is not None:
        raise InputError(f"{folder}: only a run has several sets of weights; leave --best out")
    return functools.partial(_of_file if source.suffix == KERAS else _of_export, source, count)


def answered(rows: Asked, ask: Ask) -> Iterator[Answered]:
    """The rows with their answers, as they come."""
    size = PIPED_AT_ONCE if rows.count is None else TEXTS_AT_ONCE
    for chunk in chunks(rows.rows, size, lambda row: len(row.text)):
        yield from map(Answered, chunk, ask([row.text for row in chunk]))


def _of_run(run: Run, best: str | None, count: int | None) -> Answerer:
    return _of_model(run.model(best=best), count)


def _of_file(path: Path, count: int | None) -> Answerer:
    from mtl_keras.models.loading import load_model

    return _of_model(load_model(path, compile=False), count)


def _of_model(model: "MultiTaskModel", count: int | None) -> Answerer:
    from mtl_keras.models.prediction import answer

    ask = functools.partial(answer, model, graph=count is None or count > FEW_TEXTS)
    return Answerer(ask, {name: task.label_kind.form for name, task in model.tasks.items()})


def _of_export(folder: Path, count: int | None) -> Answerer:
    from mtl_keras.serving.saved_model import SavedModel

    served = SavedModel(folder)
    return Answerer(served, in_order(served.forms, served.folder))


def _piped_rows() -> Iterator[TextRow]:
    longest, is_empty = ROW.most, True
    for number, line in enumerate(iter(lambda: sys.stdin.buffer.readline(longest + 1), b""), 1):
        if len(line) > longest:
            raise InputError(f"stdin:{number}: a line of {ROW}; end each text with a line feed")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise InputError(f"stdin:{number}: not UTF-8; pipe texts in UTF-8") from None
        is_empty = False
        yield TextRow(text, {COLUMN: text})
    if is_empty:
        raise InputError("stdin: empty; pipe in one text a line, or give texts or --input FILE")
