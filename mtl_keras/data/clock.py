"""Reports progress while long files are read."""

import time
from collections.abc import Callable

SECONDS_BETWEEN_REPORTS = 5.0


class Clock:
    """Reports every few seconds how many rows have been read."""

    def __init__(self, task: str, split: str, report: Callable[[str], None], of_files: int):
        self._where = f"{task}, {split}"
        self.rows = self.files = 0
        self._report, self._of_files, self._last_report = report, of_files, time.monotonic()

    def look(self, row: int) -> None:
        """Reports, if it is time. Called after `row` rows of a file."""
        if time.monotonic() - self._last_report >= SECONDS_BETWEEN_REPORTS:
            self._last_report = time.monotonic()
            self._report(
                f"{self._where}: {self.rows + row:,} rows checked and counted, file {self.files} "
                f"of {self._of_files}"
            )
