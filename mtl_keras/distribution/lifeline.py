"""Ends a child process when its parent ends, however the parent ends."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

LIFELINE = "MTL_KERAS_LIFELINE"
GRACE = 10.0  # seconds from SIGTERM to SIGKILL


@dataclass(frozen=True)
class Lifeline:
    """The read end of a pipe, for children. The other end closes when this process ends.

    A child gets both: `subprocess.Popen(…, env=os.environ | line.environment, pass_fds=line.fds)`,
    and calls `end_with_parent`.
    """

    reader: int

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.reader,)

    @property
    def environment(self) -> dict[str, str]:
        return {LIFELINE: str(self.reader)}


@contextlib.contextmanager
def lifeline() -> Iterator[Lifeline]:
    """A `Lifeline` for children. Those that still run when the context ends receive SIGTERM."""
    reader, writer = os.pipe()
    try:
        yield Lifeline(reader)
    finally:
        os.close(reader)
        os.close(writer)


def end_with_parent(grace: float = GRACE) -> None:
    """Ends this process when its parent ends: by SIGTERM, and after `grace` seconds by SIGKILL.

    Does nothing if the parent gave it no `Lifeline`.
    """
    given = os.environ.pop(LIFELINE, "")
    if given:
        watch = threading.Thread(target=_wait, args=(int(given), grace), daemon=True)
        watch.start()


def _wait(reader: int, grace: float) -> None:
    with contextlib.suppress(OSError):
        os.read(reader, 1)  # returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)
