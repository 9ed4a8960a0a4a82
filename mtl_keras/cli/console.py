"""What the commands print: metrics, counts, plans and answers, as text or as JSON."""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from tabulate import tabulate

from mtl_keras.data.answer_forms import READ
from mtl_keras.data.clock import Step
from mtl_keras.display import in_json, one_line, show
from mtl_keras.evaluation.figures import (
    UNDEFINED,
    Scores,
    figure,
    interval_of,
    notes_of,
    values_of,
)

if TYPE_CHECKING:
    from mtl_keras.data.answer_forms import AnswerForm
    from mtl_keras.data.findings import Finding
    from mtl_keras.data.task_dataset import TaskDataset

Item = TypeVar("Item")
CUT = "(only its beginning was read: it is longer than the model's max_length)"


def load_tensorflow() -> None:
    """Imports TensorFlow silently: its C++ code logs absent GPUs before it reads the log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def show_all_letters() -> None:
    """Shows letters that the terminal's encoding lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """Prints and flushes a line. If the pipe is closed, as by `| head`, the work continues."""
    try:
        show(line)
        sys.stdout.flush()
    except BrokenPipeError:
        end_output()


def end_output() -> None:
    """Discards buffered output that cannot be written; else Python fails on it as it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(line: str) -> None:
    """Prints a line to stderr; a terminal also gets the share of the work that is done."""
    share = line.share if isinstance(line, Step) and sys.stderr.isatty() else None
    far = "" if share is None else f" ({share:.0%})"
    print(f"mtl-keras: {one_line(line)}{far}", file=sys.stderr)


def print_json(value: Mapping, indent: int | None = 2) -> None:
    """Prints a value as JSON, with hidden characters escaped."""
    print(in_json(json.dumps(value, ensure_ascii=False, indent=indent)))


def print_table(rows: Sequence[Mapping[str, Any]], **options: Any) -> None:
    """Prints rows as a table; the options are those of `tabulate`."""
    shown = [{name: _cell(value) for name, value in row.items()} for row in rows]
    show(tabulate(shown, headers="keys", **options))


def print_metrics(by_split: Scores) -> None:
    """Prints a row per task and split, with the interval of its main metric, and then the notes."""
    rows = [
        {"task": task, "split": split, "examples": metrics["examples"]}
        | {"metrics, the first with its 95% interval": _in_words(metrics)}
        for split, tasks in by_split.items()
        for task, metrics in tasks.items()
    ]
    print_table(rows, intfmt=",")
    for note in notes_of(by_split):
        show(one_line(note))


def _cell(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


def _in_words(metrics: Mapping[str, Any]) -> str:
    first, *others = (f"{name} {figure(value)}" for name, value in values_of(metrics).items())
    interval = interval_of(metrics)
    return ", ".join([first if interval == UNDEFINED else f"{first} ({interval})", *others])


def counts(datasets: Mapping[str, "TaskDataset"]) -> list[dict]:
    """The numbers of labels and examples in a recipe's files, one row per task."""
    return [
        {"task": name, "kind": dataset.task.kind, "labels": len(dataset.task.labels)}
        | {split: dataset.counts.get(split, 0) for split in ("train", "validation", "test")}
        for name, dataset in datasets.items()
    ]


def print_findings(findings: Iterable["Finding"]) -> None:
    """Prints each finding about the examples as a warning of one line."""
    for finding in findings:
        show(one_line(f"warning: {finding.in_words()}"))


def print_plan(groups: Sequence[Mapping]) -> None:
    """Prints which layer groups each stage trains, from the rows of `plan_table`."""
    rows = [_plan_row(row) for row in _with_totals(groups)]
    columns = ["left", *["right"] * (len(rows[0]) - 1)]
    print_table(rows, colalign=columns, disable_numparse=True)


def _with_totals(groups: Sequence[Mapping]) -> list[Mapping]:
    """The rows and one more: how many parameters there are, and how many each stage trains."""
    trains = [
        sum(row["parameters"] for row in groups if row["stages"][number] is not None)
        for number in range(len(groups[0]["stages"]))
    ]
    total = sum(row["parameters"] for row in groups)
    return [*groups, {"group": "all", "parameters": total, "stages": [f"{n:,}" for n in trains]}]


def _plan_row(row: Mapping) -> dict:
    stages = {
        f"stage {number}": "frozen" if rate is None else _rate(rate)
        for number, rate in enumerate(row["stages"], 1)
    }
    return {"group": row["group"], "parameters": f"{row['parameters']:,}"} | stages


def _rate(rate: float | str) -> str:
    return rate if isinstance(rate, str) else f"{rate:.3g}"


def counted(items: Iterable[Item], count: int | None) -> Iterator[Item]:
    """The items, with a bar on stderr of how many have passed, if that is a terminal.

    Args:
        items: whatever is worked on.
        count: how many they are; None if that is not known.
    """
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=count)


def readable(answer: Mapping, forms: Mapping[str, "AnswerForm"]) -> str:
    """A text and every task's answer to it. All lines but the first are indented."""
    first, *rest = answer["text"].split("\n")
    answers = [
        f"{name}: {one_line(form.in_words(answer[name])) or 'none'}" for name, form in forms.items()
    ]
    unread = [CUT] if answer.get(READ) is False else []
    return "\n".join([first, *(f"  {line}" for line in [*rest, *unread, *answers])])
