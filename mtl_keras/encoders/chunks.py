"""Streamed texts, a few at a time, fewer if they are long: to tokenize takes 60 times the size."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

MOST_CHARACTERS = 1 << 22  # of a chunk of several texts

Item = TypeVar("Item")


def chunks(
    items: Iterable[Item],
    size: int,
    length: Callable[[Item], int] = len,  # type: ignore[assignment]
) -> Iterator[list[Item]]:
    """Texts, or what holds one each, in order.

    Args:
        items: streamed.
        size: how many a chunk has at most.
        length: of an item's text, in characters.

    Example:

    >>> list(chunks(["a", "b", "c"], 2))
    [['a', 'b'], ['c']]
    """
    chunk: list[Item] = []
    characters = 0
    for item in items:
        added = length(item)
        if chunk and (len(chunk) == size or characters + added > MOST_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(item)
        characters += added
    if chunk:
        yield chunk
