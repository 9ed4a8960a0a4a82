"""Defers SIGTERM and Ctrl-C until the work can stop safely."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

TERMINATED = 128 + signal.SIGTERM  # the exit status, as shells report it


class Interruption:
    """Records whether a signal asked the work to stop.

    Inside `can_wait` a signal is noted; at its next safe moment the work asks `is_wanted` and calls
    `stop`. Outside, and at a second Ctrl-C, it stops at once: `SystemExit` of status 143 after
    SIGTERM, `KeyboardInterrupt` after Ctrl-C.

    Args:
        agree: maps a worker's signal (0: none) to the one that all act on; every worker calls it.
    """

    def __init__(self, agree: Callable[[int], int] = lambda number: number) -> None:
        self._agree = agree
        self._signal = 0
        self._agreed = 0
        self._can_wait = False

    @property
    def is_wanted(self) -> bool:
        """Whether a signal had come by the last `settle`."""
        return self._agreed != 0

    def settle(self) -> None:
        """Agrees with all workers, between two steps, on whether to stop."""
        self._agreed = self._agree(self._signal)

    def stop(self) -> None:
        """Stops the work: raises the exception of the signal that came."""
        if signal.SIGTERM in (self._signal, self._agreed):
            raise SystemExit(TERMINATED)
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def can_wait(self) -> Iterator[None]:
        """Inside this context, a signal is deferred instead of raised."""
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
        """Inside this context, this object handles the signals, if it runs in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._note) for number in signals}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        again = self._signal and number == signal.SIGINT
        self._signal = self._signal or number
        if again or not self._can_wait:
            self.stop()
