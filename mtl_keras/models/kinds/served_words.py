"""Finds the words of an example that a served passage labels.

A served model splits a text into words by itself, an example has words of its own. A word of the
example counts as what its first piece counts as, as it does while a model trains.
"""

import bisect
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

UNREAD = "CMZ"  # what tokenizers may drop: control characters, accents and white space


def word_of_passage(passage: Mapping[str, Any], word_starts: Sequence[int]) -> int:
    """Returns the index of the word in which a passage begins.

    Args:
        passage: with `start` and `end`, characters of the text.
        word_starts: the first character of each word, ascending.

    Example:

    >>> [word_of_passage({"start": start}, [0, 4, 9]) for start in (0, 3, 4, 12)]
    [0, 0, 1, 2]
    """
    return bisect.bisect_right(word_starts, passage["start"]) - 1


def words_of_passage(
    passage: Mapping[str, Any], text: str, word_starts: Sequence[int]
) -> tuple[int, int]:
    """Returns the first and one past the last of the words whose beginning a passage holds.

    Args:
        passage: with `start` and `end`, characters of the text.
        text: the words, joined by blanks.
        word_starts: the first character of each word, ascending.

    Example:

    >>> words_of_passage({"start": 3, "end": 13}, "to Upper Leeds now", [0, 3, 9, 15])
    (1, 3)
    >>> words_of_passage({"start": 4, "end": 6}, "to (A) now", [0, 3, 7])
    (2, 2)
    """
    first = bisect.bisect_left(word_starts, passage["start"])
    end = bisect.bisect_left(word_starts, passage["end"])
    word = word_of_passage(passage, word_starts)
    before = text[word_starts[word] : passage["start"]]  # of the same word
    is_unread = all(unicodedata.category(character)[0] in UNREAD for character in before)
    return (word if is_unread else first), end
