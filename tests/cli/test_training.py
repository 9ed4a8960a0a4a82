"""The end of a training in the terminal."""

import io
import shlex
import sys

from mtl_keras.cli.console import say, show_all_letters
from mtl_keras.cli.training import closing_lines
from mtl_keras.runs.run import Run


def test_the_end_says_which_weights_there_are_and_what_to_do_next(tmp_path):
    run = Run(tmp_path / "a run")
    run.folder.mkdir()
    run.write_json("history.json", {"best": {"mean": {"score": 0.5, "epoch": 4}}})
    weights, *lines = closing_lines(run, "mean")
    assert weights == "weights: of epoch 4, which are best on validation by mean"
    assert shlex.split(lines[1]) == ["mtl-keras", "report", str(run.folder), "--open"]
    assert lines[-1] == f"run: {run.folder}"
    assert next(closing_lines(run, None)) == "weights: of the last epoch"


def test_nobody_who_reads_does_not_end_the_work(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    ended = []
    monkeypatch.setattr("mtl_keras.cli.console.end_output", lambda: ended.append(True))
    monkeypatch.setattr(sys, "stdout", Closed())
    say("epoch 1")
    assert ended == [True]


def test_letters_that_a_terminal_lacks_are_escaped(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    show_all_letters()
    say("Größe × 2")
    assert terminal.buffer.getvalue() == b"Gr\\xf6\\xdfe \\xd7 2\n"
