"""Pictures of a task's mistakes: a matrix of counts, or a cloud of numbers."""

from collections import Counter

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtl_keras.charts import Chart
from mtl_keras.display import one_line
from mtl_keras.evaluation.confusions import confused_labels

MOST_LABELS = 30  # that a matrix shows
LONGEST_LABEL = 24
INCHES = 0.32  # a row of a matrix


def confusion_matrix(pairs: Counter, *, title: str) -> Figure:
    """What is right, by row, and what was answered, by column, with counts.

    A colour is a share of its row. Of more than 30 labels it shows those with the most mistakes.

    Args:
        pairs: `(expected, answered)` → how often.
        title: of the picture.

    Example:

    >>> drawn = confusion_matrix(Counter({("a", "a"): 3, ("a", "b"): 1}), title="topic")
    >>> [text.get_text() for text in drawn.axes[0].texts]
    ['3', '1']
    """
    names, left_out = confused_labels(pairs, MOST_LABELS)
    counts = np.array([[pairs[right, answer] for answer in names] for right in names])
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = INCHES * len(names)
    drawn = Chart(width=side + 2.2, height=side + 2.0)
    (axes,) = drawn.axes
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.6 else "black"
        count = f"{counts[row, column]:,}"
        axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    places = range(len(names))
    axes.set_xticks(places, list(map(_short, names)), rotation=90, parse_math=False)
    axes.set_yticks(places, list(map(_short, names)), parse_math=False)
    more = f"\nwithout {left_out} labels of fewer mistakes" if left_out else ""
    axes.set(xlabel="answered", ylabel="expected", title=f"{title}{more}")
    return drawn


def cloud(pairs: Counter, *, title: str) -> Figure:
    """Numbers that are right, and those that were answered; on the line both are equal.

    Args:
        pairs: `(expected, answered)` → how often.
        title: of the picture.
    """
    numbers = np.array([*pairs.elements()], float)  # (examples, 2)
    drawn = Chart(width=4.5, height=4.0)
    (axes,) = drawn.axes
    axes.scatter(numbers[:, 0], numbers[:, 1], s=8, alpha=0.5)
    axes.axline((numbers.min(),) * 2, slope=1, color="grey", linestyle=":")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set(xlabel="expected", ylabel="answered", title=title)
    return drawn


def _short(name: str) -> str:
    name = one_line(name)
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
