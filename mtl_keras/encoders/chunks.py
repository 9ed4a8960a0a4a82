"""Splits streamed texts into chunks, smaller if texts are long: tokenizing takes 60× the memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

MOST_CHARACTERS = 1 << 22  # of a chunk of several texts

Item = TypeVar("Item")


def chunks(
    items: Iterable[Item],
    size: int,
    length: Callable[[Item], int] = len,  # type: ignore[assignment]
) -> Iterator[list[Item]]:
    """Lists of consecutive texts, or of items that hold a text each.

    Args:
        items: the items, which may be streamed.
        size: the most items in a chunk.
        length: item → length of its text, in characters.

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
