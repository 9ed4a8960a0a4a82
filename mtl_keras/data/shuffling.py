"""Shuffles the rows of many files by a seed while it holds few of them in memory."""

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

FILES_AT_ONCE = 16  # files that are open together, and read in turn
MOST_HELD = 2**26  # most characters of text in the buffer, whatever `buffer_size` is

Row = TypeVar("Row")


def shuffled(
    streams: Sequence[Callable[[], Iterator[Row]]],
    buffer_size: int,
    name: str,
    length: Callable[[Row], int],
) -> Iterator[Row]:
    """The rows of several streams, in random order.

    The order of the streams is shuffled. Of `FILES_AT_ONCE` streams, one row each is read in turn
    into a buffer, and the next row is drawn from the buffer.

    Args:
        streams: open a stream of rows; called when its turn comes.
        buffer_size: rows in the buffer; fewer if they reach `MOST_HELD`.
        name: determines the order.
        length: of a row, in characters.

    Example:

    >>> streams = [lambda: iter("abc"), lambda: iter("xyz")]
    >>> sorted(shuffled(streams, 2, "a name", len))
    ['a', 'b', 'c', 'x', 'y', 'z']
    """
    order = list(streams)
    random.Random(f"files/{name}").shuffle(order)
    rows = interleaved((stream() for stream in order), FILES_AT_ONCE)
    return _through_a_buffer(rows, buffer_size, random.Random(name), length)


def interleaved(streams: Iterable[Iterator[Row]], at_once: int) -> Iterator[Row]:
    """One row of each stream in turn; if a stream ends, the next takes its place.

    Example:

    >>> "".join(interleaved(map(iter, ("aaa", "b", "cc")), 2))
    'abaacc'
    """
    waiting = iter(streams)
    running = deque(itertools.islice(waiting, at_once))
    while running:
        stream = running.popleft()
        try:
            row = next(stream)
        except StopIteration:
            running.extend(itertools.islice(waiting, 1))
        else:
            running.append(stream)
            yield row


def shuffle_keys(name: str) -> Iterator[np.ndarray]:
    """Seeds for TensorFlow's stateless shuffling, int64 `(2,)`, determined by a name."""
    generator = random.Random(f"keys/{name}")
    while True:
        yield np.array([generator.getrandbits(63), generator.getrandbits(63)], np.int64)


def _through_a_buffer(
    rows: Iterator[Row], buffer_size: int, generator: random.Random, length: Callable[[Row], int]
) -> Iterator[Row]:
    buffer, held = [], 0
    for row in itertools.islice(rows, buffer_size):
        buffer.append(row)
        held += length(row)
        if held >= MOST_HELD:
            break
    for row in rows:
        place = int(generator.random() * len(buffer))
        yield buffer[place]
        buffer[place] = row
    generator.shuffle(buffer)
    yield from buffer
