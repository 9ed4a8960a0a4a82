"""A training as it is shown: a table in a terminal, else a line an epoch."""

import io
import re

import pytest
from rich.console import Console

from mtl_keras.cli.watching import InLines, InTerminal, Nothing, epoch_line, in_bar, watching
from mtl_keras.data.clock import Step
from mtl_keras.training.epoch_rows import EpochRow, TaskRow


def row(*names: str, epoch: int = 3) -> EpochRow:
    tasks = [
        TaskRow(name, "accuracy", 0.25, 0.5 + place / 100, 0.75, is_best=not place)
        for place, name in enumerate(names)
    ]
    return EpochRow(epoch, 5, 0.8441, tuple(tasks), 67.0, 134.0)


def test_an_epoch_is_a_line():
    assert epoch_line(row("topic", "tone")) == (
        "epoch 3/5: loss 0.844, topic accuracy 0.500*, tone accuracy 0.510, 67.0 s, 2.2 min left"
    )
    undefined = EpochRow(1, 1, None, (TaskRow("t", "span_f1", None, None, None, False),), 1.0, 0.0)
    assert epoch_line(undefined) == "epoch 1/1: loss -, t span_f1 -, 1.0 s, 0.0 s left"


@pytest.mark.parametrize("tasks", [1, 3, 8, 60])
def test_a_line_is_shorter_than_120_characters_however_many_tasks_there_are(tasks):
    line = epoch_line(row(*(f"a_long_name_of_a_task_{n}" for n in range(tasks))))
    assert len(line) < 120
    assert line.startswith("epoch 3/5: loss 0.844")
    assert line.endswith("2.2 min left")
    assert "a_long_name" in line or "more tasks" in line or "…" in line


def shown(width: int, encoding: str = "utf-8", **options) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    console = Console(file=file, width=width, force_terminal=True, **options)
    with InTerminal(console) as terminal:
        terminal.show_step("epoch 3/5", 1, 30)
        terminal.show_epoch(row("topic", "intention_of_the_writer"))
        terminal.show_epoch(row("topic", "intention_of_the_writer", epoch=4))
    file.flush()
    return file.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_fits_the_terminal_and_names_its_columns_once(width):
    lines = [line for line in shown(width, no_color=True).split("\n") if "0.500*" in line]
    assert len(lines) == 2
    said = shown(width)
    assert said.count("left") == 1
    for part in ("3/5", "topic", "0.500*", "0.510", "0.750", "2.2 min"):
        assert part in said


def test_a_terminal_without_utf_8_gets_ascii():
    assert shown(80, "ascii").isascii()


def test_no_color_shows_none(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in shown(80)
    assert "\x1b[1;32m" not in shown(80)


def test_what_suits_the_output_is_chosen(monkeypatch):
    assert isinstance(watching(quiet=False), InLines)
    assert type(watching(quiet=True)) is Nothing
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert isinstance(watching(quiet=False), InTerminal)


@pytest.mark.parametrize(("share", "percent"), [(0.375, ["38%"]), (None, [])])
def test_a_terminal_shows_the_share_that_is_read(share, percent):
    file, lines = io.StringIO(), []
    with InTerminal(Console(file=file, width=80, force_terminal=True, no_color=True)) as terminal:
        report = in_bar(terminal, lines.append)
        report("a line")
        report(Step("topic: 9 rows", what="reading topic, train", share=share))
    assert lines == ["a line"]
    last = file.getvalue().rpartition("reading topic, train")[2]
    assert re.findall(r"\d+%", last) == percent


def test_lines_leave_steps_out():
    lines = []
    in_bar(InLines(), lines.append)(Step("features: 5%", what="features", share=0.05))
    assert lines == []
