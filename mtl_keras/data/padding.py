"""Chooses the widths that texts are padded to, for least cost of padding and compilation."""

import math
from collections import Counter
from collections.abc import Callable, Iterable

# How many word pieces can be trained on in the time of one compilation. In CPU time,
# all-MiniLM-L6-v2 needs 8,000 to 15,000, depending on what is frozen: benchmarks/compilation.py.
COMPILED_PIECES = 10_000
Cost = tuple[float, int]  # the padding decides between equal costs


def static_widths(
    lengths: Iterable[int], epochs: int = 1, compiled_pieces: float = COMPILED_PIECES
) -> tuple[int, ...]:
    """The widths for which padding and compilation together cost least.

    A text is padded to the next width, and every width is compiled once.

    Args:
        lengths: of the texts of an epoch, in word pieces, or a `Counter` of them.
        epochs: how often the texts are read.
        compiled_pieces: how many word pieces can be trained on in the time that compiling a width
            takes.

    Returns:
        Ascending; the last is the longest length.

    Example:

    >>> static_widths([8] * 10_000 + [9] * 10 + [100] * 2_000 + [512])
    (8, 100, 512)
    >>> static_widths([])
    ()
    """

    def cost(width: int, texts: int, pieces: int) -> Cost:
        return epochs * (texts * width - pieces) + compiled_pieces, 0

    return _cheapest(lengths, cost)


def budget_widths(
    lengths: Iterable[int], max_tokens: int, epochs: int = 1, compiled_pieces: float = 0
) -> tuple[int, ...]:
    """The widths for which batches of a token budget, and compilation, cost least.

    Texts that are padded to the same width share batches of as many rows as fit the budget. Many
    widths mean little padding, but each width may leave one batch that is not full. A batch costs
    its whole budget; among equal costs, the least padding wins.

    Args:
        lengths: of the texts of an epoch, in word pieces, or a `Counter` of them.
        max_tokens: positions in a batch, padding included.
        epochs: how often the texts are read.
        compiled_pieces: how many word pieces can be trained on in the time that compiling a width
            takes; 0 if nothing is compiled.

    Returns:
        Ascending; the last is the longest length.

    Example:

    >>> budget_widths([8] * 880 + [9] * 8 + [100] * 20, max_tokens=1000)
    (9, 100)
    """

    def cost(width: int, texts: int, pieces: int) -> Cost:
        batches = math.ceil(texts / rows_of(width, max_tokens))
        return epochs * max_tokens * batches + compiled_pieces, texts * width - pieces

    return _cheapest(lengths, cost)


def rows_of(width: int, max_tokens: int) -> int:
    """The number of texts in a batch of this width; at least one.

    Example:

    >>> rows_of(30, 100), rows_of(500, 100)
    (3, 1)
    """
    return max(1, max_tokens // width)


def _cheapest(lengths: Iterable[int], cost: Callable[[int, int, int], Cost]) -> tuple[int, ...]:
    """The set of widths of least cost, by dynamic programming over the lengths that occur.

    Args:
        lengths: of all texts.
        cost: width, number of texts, their word pieces together → the cost of that width.
    """
    counts = sorted(Counter(lengths).items())
    # best[k]: (cost, widths) for the texts of the k smallest lengths.
    best: list[tuple[Cost, tuple[int, ...]]] = [((0.0, 0), ())]
    for last, (width, _) in enumerate(counts):
        texts, pieces, candidates = 0, 0, []
        for first in range(last, -1, -1):  # these lengths are padded to this width
            length, count = counts[first]
            texts, pieces = texts + count, pieces + count * length
            (before, padded), widths = best[first]
            paid, padding = cost(width, texts, pieces)
            candidates.append(((before + paid, padded + padding), (*widths, width)))
        best.append(min(candidates))
    return best[-1][1]
