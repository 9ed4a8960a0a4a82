"""Reports how far the features of frozen layers are."""

import threading
from collections.abc import Callable

import numpy as np

from mtl_keras.data.clock import Step, Ticks


class FeatureProgress:
    """Reports every few seconds which share of the word pieces is encoded.

    Args:
        lengths: of all texts in word pieces, `(texts,)`.
        workers: how many share the texts; this one encodes as many as the others.
        report: receives lines.
    """

    def __init__(self, lengths: np.ndarray, workers: int, report: Callable[[str], None]):
        self._lengths, self._report, self._ticks = lengths, report, Ticks()
        self._pieces, self._of = 0, max(1, int(lengths.sum()) // workers)
        self._lock = threading.Lock()  # passes run in several threads

    def add(self, numbers: np.ndarray) -> None:
        """Counts the texts of these numbers, `(batch,)`; reports, if it is time."""
        with self._lock:
            self._pieces += int(self._lengths[numbers].sum())
            if self._ticks.is_due():
                share = min(1.0, self._pieces / self._of)
                line = f"features of {len(self._lengths):,} texts: {share:.0%}"
                self._report(Step(line, what="computing features", share=share))
