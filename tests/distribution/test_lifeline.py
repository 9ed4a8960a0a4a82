"""No child outlives the process that started it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mtl_keras.distribution.lifeline import LIFELINE, end_with_parent, lifeline

CHILD = """
import signal, sys, time
from mtl_keras.distribution.lifeline import end_with_parent
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
end_with_parent(0.2)
print("lives", flush=True)
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys
from mtl_keras.distribution.lifeline import lifeline
with lifeline() as line:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", {CHILD!r}, kind],
            env=os.environ | line.environment,
            pass_fds=line.fds,
            stdout=subprocess.PIPE,
        )
        for kind in ("hears", "deaf")
    ]
    for child in children:
        child.stdout.readline()
    print(*(child.pid for child in children), flush=True)
    children[0].wait()
"""


def _lives(process: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to notice."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_children_of_a_killed_parent_end_by_sigterm_or_else_by_sigkill():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        children = [int(number) for number in parent.stdout.readline().split()]
        assert all(map(_lives, children))
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while any(map(_lives, children)):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_without_a_lifeline_nothing_is_watched():
    assert LIFELINE not in os.environ
    end_with_parent(0)


def test_a_child_that_is_done_was_not_disturbed():
    program = "from mtl_keras.distribution.lifeline import end_with_parent; end_with_parent()"
    with lifeline() as line:
        done = subprocess.run(
            [sys.executable, "-c", program], env=os.environ | line.environment, pass_fds=line.fds
        )
    assert done.returncode == 0
