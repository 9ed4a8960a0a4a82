"""What is taken for what: counts of labels that are right and of those that were answered."""

from collections import Counter
from collections.abc import Mapping

from mtl_keras.models.kinds.judgements import NOTHING

Pairs = Mapping[tuple[str, str], int]  # (expected, answered) → how often


def confused_labels(pairs: Pairs, most: int) -> tuple[list[str], int]:
    """Returns the labels that occur, `–` last, and how many more there are.

    Args:
        pairs: `(expected, answered)` → how often.
        most: how many labels to keep: those with the most mistakes.

    Example:

    >>> confused_labels({("a", "b"): 2, ("c", "c"): 9, ("–", "b"): 1}, most=3)
    (['a', 'b', '–'], 1)
    """
    mistakes: Counter[str] = Counter()
    for (right, answer), count in pairs.items():
        mistakes.update(dict.fromkeys((right, answer), count if right != answer else 0))
    kept = {name for name, _ in mistakes.most_common(most)}
    names = sorted(name for name in kept if name != NOTHING) + [NOTHING] * (NOTHING in kept)
    return names, len(mistakes) - len(kept)


def counts_by_label(pairs: Pairs) -> dict[str, dict[str, int]]:
    """Returns label → how often it is `right`, `answered`, and both (`matched`).

    Example:

    >>> counts_by_label({("a", "a"): 3, ("a", "b"): 1})["a"]
    {'right': 4, 'answered': 3, 'matched': 3}
    """
    by_label: dict[str, dict[str, int]] = {}
    for (right, answer), count in pairs.items():
        for label in dict.fromkeys((right, answer)):
            counts = by_label.setdefault(label, {"right": 0, "answered": 0, "matched": 0})
            counts["right"] += count * (label == right)
            counts["answered"] += count * (label == answer)
            counts["matched"] += count * (right == answer)
    by_label.pop(NOTHING, None)
    return by_label


def most_frequent_confusions(pairs: Pairs, most: int) -> list[tuple[str, str, int]]:
    """Returns what was right, what was answered instead, and how often; the most frequent first."""
    wrong = Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})
    return [(right, answer, count) for (right, answer), count in wrong.most_common(most)]
