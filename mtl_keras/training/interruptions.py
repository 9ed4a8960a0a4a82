"""SIGTERM and Ctrl-C, noted until the work can be put down."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

TERMINATED = 128 + signal.SIGTERM  # the exit status, as a shell tells it


class Interruption:
    """Whether somebody asked for the end.

    While something `can_wait` for the next safe moment, a signal is noted, and the work asks
    `is_wanted` and calls `stop`; else, and at a second Ctrl-C, it stops at once: `SystemExit` of
    status 143 after SIGTERM, `KeyboardInterrupt` after Ctrl-C.

    Args:
        agree: gives the signal (0: none) that all workers of a training act on; called by all.
    """

    def __init__(self, agree: Callable[[int], int] = lambda number: number) -> None:
        self._agree = agree
        self._signal = 0
        self._agreed = 0
        self._can_wait = False

    @property
    def is_wanted(self) -> bool:
        """As of the last `settle`."""
        return self._agreed != 0

    def settle(self) -> None:
        """Between two steps: whether any worker has been asked for the end."""
        self._agreed = self._agree(self._signal)

    def stop(self) -> None:
        """Ends the work."""
        if signal.SIGTERM in (self._signal, self._agreed):
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
        self.settle()
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
        again = self._signal and number == signal.SIGINT
        self._signal = self._signal or number
        if again or not self._can_wait:
            self.stop()
