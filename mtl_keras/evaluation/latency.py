"""Measures how long a call takes: the median of several, after a warm-up call."""

import statistics
import timeit
from collections.abc import Callable

CALLS = 10


def milliseconds(call: Callable[[], object]) -> float:
    """The median duration of a call, in milliseconds."""
    return median_milliseconds(lambda: timeit.timeit(call, number=1))


def median_milliseconds(time_call: Callable[[], float]) -> float:
    """The median duration of calls that time themselves, in milliseconds.

    Args:
        time_call: makes one call and returns the seconds that it took.

    Example:

    >>> times = iter([9.0, *[0.001, 0.002, 0.003, 0.002, 0.001] * 2])
    >>> median_milliseconds(lambda: next(times))
    2.0
    """
    seconds = [time_call() for _ in range(1 + CALLS)]
    return 1000 * statistics.median(seconds[1:])
