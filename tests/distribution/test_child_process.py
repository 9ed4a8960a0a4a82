"""A process of its own, and what it failed with."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from mtl_keras.distribution import child_process
from mtl_keras.distribution.child_process import last_line, run_python


@pytest.mark.parametrize(
    ("program", "status", "line"),
    [
        ("print('much')", 0, "status 0"),
        ("raise ValueError('three')", 1, "ValueError: three"),
        ("import sys; sys.exit(3)", 3, "status 3"),
        ("import sys; sys.stderr.buffer.write(b'\\xff!\\n'); sys.exit(2)", 2, "�!"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, "status -9"),
    ],
)
def test_a_process_says_how_it_ended(program, status, line, capfd):
    assert run_python(["-c", program]) == (status, line)
    assert tuple(capfd.readouterr()) == ("", ""), "nothing of it is in the terminal"


def test_of_what_was_written_the_last_line_counts():
    assert last_line(b"first\nsecond\n\n", 1) == "second"


@pytest.mark.slow
def test_who_interrupts_this_process_interrupts_the_other(monkeypatch):
    started, popen = [], subprocess.Popen

    def remembered(command, **options):
        started.append(popen(command, **options))
        return started[-1]

    monkeypatch.setattr(child_process.subprocess, "Popen", remembered)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else maybe ignored
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run_python(["-c", "import time; time.sleep(60)"])
    signal.signal(signal.SIGINT, before)
    assert started[0].args[0] == sys.executable
    assert started[0].returncode == -signal.SIGTERM
