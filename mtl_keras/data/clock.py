"""Reports progress while long files are read, and the share of them if it is known."""

import os
import time
from collections.abc import Callable, Sequence

from mtl_keras.data.split_sources import Source
from mtl_keras.storage.files import member_files
from mtl_keras.storage.regular_files import bytes_read

SECONDS_BETWEEN_REPORTS = 5.0


class Step(str):
    """A line of progress that also says, for a bar, what is done and how much of it.

    Args:
        line: of text.
        what: is done; the same while it lasts.
        share: of the work that is done, from 0 to 1; None if nobody knows.
    """

    what: str
    share: float | None

    def __new__(cls, line: str, *, what: str, share: float | None) -> "Step":
        step = super().__new__(cls, line)
        step.what, step.share = what, share
        return step


class Ticks:
    """Says every few seconds that it is time to report."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether some seconds have passed since it last said so, or since it was made."""
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_REPORTS:
            return False
        self._last = now
        return True


class Clock:
    """Reports every few seconds how many rows of a split's files have been read."""

    def __init__(
        self, task: str, split: str, report: Callable[[str], None], paths: Sequence[Source]
    ):
        self._where = f"{task}, {split}"
        self.rows = self.files = 0
        self._paths, self._report, self._ticks = paths, report, Ticks()

    def look(self, row: int) -> None:
        """Reports, if it is time. Called after `row` rows of a file."""
        if self._ticks.is_due():
            line = (
                f"{self._where}: {self.rows + row:,} rows checked and counted, file {self.files} "
                f"of {len(self._paths)}"
            )
            self._report(Step(line, what=f"reading {self._where}", share=self._share()))

    def _share(self) -> float | None:
        """The share of bytes that were read; None of data in memory, and of a file that is not
        read from its first byte to its last.
        """
        files = [member_files(path) for path in self._paths if isinstance(path, str)]
        sizes = [sum(map(os.path.getsize, members)) for members in files]
        if len(sizes) < len(self._paths):
            return None
        of_file = [read for path in files[self.files - 1] if (read := bytes_read(path)) is not None]
        done = sum(sizes[: self.files - 1]) + sum(of_file)
        return min(1.0, done / max(1, sum(sizes))) if of_file else None
