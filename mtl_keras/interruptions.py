"""SIGTERM and Ctrl-C, noted until the work can be put down."""

import contextlib
import signal
import threading
from collections.abc import Iterator

TERMINATED = 128 + signal.SIGTERM  # the exit status, as a shell tells it


class Interruption:
    """Whether somebody asked for the end.

    While something `can_wait` for the next safe moment, a signal is noted, and the work asks
    `is_wanted` and calls `stop`; else, and at a second Ctrl-C, it stops at once: `SystemExit` of
    status 143 after SIGTERM, `KeyboardInterrupt` after Ctrl-C.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._can_wait = False

    @property
    def is_wanted(self) -> bool:
        return self._signal is not None

    def stop(self) -> None:
        """Ends the work."""
        if self._signal == signal.SIGTERM:
            raise SystemExit(TERMINATED)
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def can_wait(self) -> Iterator[None]:
        """Within, a signal is noted."""
        self._can_wait = True
        try:
            yield
        finally:
            self._can_wait = False
        if self.is_wanted:
            self.stop()

    @contextlib.contextmanager
    def listening(self) -> Iterator["Interruption"]:
        """Within, this object takes the signals; they can come to the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {each: signal.signal(each, self._note) for each in signals}
        try:
            yield self
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _note(self, number: int, frame) -> None:
        again = self.is_wanted and number == signal.SIGINT
        self._signal = self._signal or number
        if again or not self._can_wait:
            self.stop()
