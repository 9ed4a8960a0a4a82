"""Puts texts of similar length into the same batch, to compute little padding."""

from collections.abc import Callable, Iterator

import numpy as np


def length_sorted_batches(lengths: np.ndarray, size: Callable[[int], int]) -> Iterator[np.ndarray]:
    """Batches of indices of texts, the longest texts first.

    Args:
        lengths: of the texts in word pieces, `(n,)`.
        size: length of a batch's longest text → number of texts in the batch; at least 1 is used.

    Returns:
        For each batch, the indices of its texts in `lengths`, `(texts,)`.

    Example:

    >>> lengths = np.array([3, 9, 4])
    >>> [rows.tolist() for rows in length_sorted_batches(lengths, lambda longest: 2)]
    [[1, 2], [0]]

    Batches of at most 8 positions, padding included:

    >>> [rows.tolist() for rows in length_sorted_batches(lengths, lambda longest: 8 // longest)]
    [[1], [2, 0]]
    """
    order, start = np.argsort(-lengths, kind="stable"), 0
    while start < len(order):
        count = max(1, size(int(lengths[order[start]])))
        yield order[start : start + count]
        start += count
