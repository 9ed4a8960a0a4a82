"""Shows a training as it goes: a table in a terminal, else a line an epoch."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from mtl_keras.cli.console import say
from mtl_keras.data.clock import Step
from mtl_keras.reports.names import short_names
from mtl_keras.reports.tables import duration, rounded

if TYPE_CHECKING:
    from mtl_keras.training.epoch_rows import EpochRow, TaskRow

LONGEST_LINE = 119
NARROW, WIDE = 60, 90  # columns of a terminal
NOTHING = "-"


class Watching(Protocol):
    """A `training.epoch_rows.Watcher` that ends with what it watches."""

    def __enter__(self) -> "Watching": ...

    def __exit__(self, *error: object) -> None: ...

    def show_epoch(self, row: "EpochRow") -> None: ...

    def show_step(self, what: str, done: int, of: int | None) -> None: ...

    def show_share(self, what: str, share: float | None) -> None: ...


def watching(*, quiet: bool) -> Watching:
    """Returns what suits the output: a table with a bar, lines, or nothing."""
    if quiet:
        return Nothing()
    return InTerminal() if sys.stdout.isatty() else InLines()


def in_bar(watcher: Watching, report: Callable[[str], None]) -> Callable[[str], None]:
    """Returns what shows steps by the watcher, and hands other lines to `report`."""

    def show_line(line: str) -> None:
        if isinstance(line, Step):
            watcher.show_share(line.what, line.share)
        else:
            report(line)

    return show_line


class Nothing:
    """Shows nothing."""

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *error: object) -> None:
        """Ends nothing."""

    def show_epoch(self, row: "EpochRow") -> None:
        """Shows no epoch."""

    def show_step(self, what: str, done: int, of: int | None) -> None:
        """Shows no step."""

    def show_share(self, what: str, share: float | None) -> None:
        """Shows no share of the work."""


class InLines(Nothing):
    """A line an epoch, for a file or a pipe."""

    def show_epoch(self, row: "EpochRow") -> None:
        say(epoch_line(row))


class InTerminal:
    """A table with a row an epoch, above a bar that shows the work that goes on.

    Colours follow `NO_COLOR`; a terminal that has no UTF-8 gets ASCII.

    Args:
        console: where it is shown; the default is stdout.
    """

    def __init__(self, console: Console | None = None):
        self._console = console or Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            refresh_per_second=2,  # the thread that draws takes time from training
        )
        self._bar = self._progress.add_task("reading", total=None, what="reading")
        self._has_header = False

    def __enter__(self) -> "InTerminal":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show_epoch(self, row: "EpochRow") -> None:
        self._console.print(epoch_table(row, self._console.width, header=not self._has_header))
        self._has_header = True

    def show_step(self, what: str, done: int, of: int | None) -> None:
        far = f" {done}/{of}" if of else f" {done}" if done else ""
        self._show(what, done, of, f"{what}{far}")

    def show_share(self, what: str, share: float | None) -> None:
        self._show(what, share or 0.0, None if share is None else 1.0, what)

    def _show(self, what: str, done: float, of: float | None, description: str) -> None:
        task = self._progress.tasks[0]
        if task.fields["what"] != what:
            self._progress.reset(self._bar, what=what)
        task.total = of  # `update` cannot say that it is unknown
        self._progress.update(self._bar, completed=done, description=description)


def epoch_line(row: "EpochRow") -> str:
    """Returns an epoch in a line of fewer than 120 characters; `*` marks a task's best so far."""
    head = f"epoch {row.epoch}/{row.epochs}: loss {_figure(row.loss)}"
    tail = f"{duration(row.seconds)}, {_left(row)} left"
    names = short_names([task.name for task in row.tasks], 12)
    forms = (
        [f"{task.name} {task.metric} {_value(task)}" for task in row.tasks],
        [f"{task.name} {_value(task)}" for task in row.tasks],
        [f"{names[task.name]} {_value(task)}" for task in row.tasks],
    )
    for parts in forms:
        if len(line := ", ".join([head, *parts, tail])) <= LONGEST_LINE:
            return line
    return _with_some(head, forms[-1], tail)


def epoch_table(row: "EpochRow", width: int, *, header: bool) -> Table:
    """Returns an epoch as a row, whose cells have a line a task.

    Args:
        row: the epoch.
        width: of the terminal; a narrow one has fewer columns.
        header: whether the columns are named.
    """
    tasks = row.tasks
    columns: dict[str, tuple[int, list[Text]]] = {
        "epoch": (7, [Text(f"{row.epoch}/{row.epochs}")]),
        "task": (0, _texts(short_names([t.name for t in tasks], _room(width)).values())),
        "loss": (8, _texts(_figure(task.loss) for task in tasks)),
        "metric": (20 if width >= WIDE else 8, [_metric(task, width) for task in tasks]),
        "best so far": (11 if width >= NARROW else 6, _texts(_figure(t.best) for t in tasks)),
        "left": (8, [Text(_left(row))]),
    }
    if width < NARROW:
        del columns["loss"]
        columns["best"] = columns.pop("best so far")
        columns["left"] = columns.pop("left")
    table = Table(box=None, show_header=header, padding=(0, 1, 0, 0), pad_edge=False)
    for name, (size, _) in columns.items():
        table.add_column(name, width=size or _room(width), no_wrap=True)
    table.add_row(*(Text("\n").join(cells) for _, cells in columns.values()))
    return table


def _room(width: int) -> int:
    """Returns how wide the column of the tasks' names is."""
    others = 29 if width < NARROW else 42 if width < WIDE else 54
    return max(8, min(24, width - others - 8))


def _texts(words: Iterable[str]) -> list[Text]:
    return [Text(word) for word in words]


def _metric(task: "TaskRow", width: int) -> Text:
    words = f"{_value(task)} {task.metric}" if width >= WIDE else _value(task)
    return Text(words, style="bold green" if task.is_best else "")


def _value(task: "TaskRow") -> str:
    return f"{_figure(task.value)}{'*' if task.is_best else ''}"


def _figure(value: float | None) -> str:
    return NOTHING if value is None else rounded(value)


def _left(row: "EpochRow") -> str:
    return duration(row.seconds_left)


def _with_some(head: str, parts: list[str], tail: str) -> str:
    """Returns the line with as many tasks as have room, and how many more there are."""
    for count in range(len(parts) - 1, 0, -1):
        line = ", ".join([head, *parts[:count], f"{len(parts) - count} more tasks", tail])
        if len(line) <= LONGEST_LINE:
            return line
    return f"{head}, {tail}"
