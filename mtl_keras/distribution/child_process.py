"""Runs Python in a child process, and returns the last line that it wrote: its error."""

import os
import subprocess
import sys
from collections.abc import Sequence

from mtl_keras.distribution.lifeline import lifeline


def run_python(arguments: Sequence[str]) -> tuple[int, str]:
    """Runs Python in a new process and waits for it. An exception here, such as Ctrl-C, ends it.

    If this process is killed, the child ends by itself, provided it has called `end_with_parent`.
    Its output is discarded, and TensorFlow logs only errors in it.

    Args:
        arguments: a file, or `-m` and a module, and their arguments.

    Returns:
        The exit status, and the last line that the process wrote to stderr.

    Example:

    >>> run_python(["-c", "import sys; sys.exit('no such file')"])
    (1, 'no such file')
    """
    with lifeline() as line:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | line.environment,
            pass_fds=line.fds,
        )
        try:
            _, errors = process.communicate()
        except BaseException:
            process.terminate()
            process.communicate()
            raise
    return process.returncode, last_line(errors, process.returncode)


def last_line(written: bytes, status: int) -> str:
    """The last line that a process wrote, or its exit status if it wrote nothing.

    Example:

    >>> last_line(b"Traceback\\nValueError: 3\\n", 1), last_line(b"", -9)
    ('ValueError: 3', 'status -9')
    """
    lines = written.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"status {status}"
