"""Judgements: the right label and the answered one of a text, a word, a span or a label."""

from typing import NamedTuple

NOTHING = "–"  # no span, no label, or a word that is not read


class Judgement(NamedTuple):
    """One thing that was right or answered.

    Args:
        expected: the label, or the number, that is right.
        answered: the one that was answered.
        score: how sure the answer is, a probability; of a number, how far off it is.
        words: the first word and one past the last, if it is of words.
    """

    expected: str | float
    answered: str | float
    score: float
    words: tuple[int, int] | None = None

    @property
    def is_wrong(self) -> bool:
        return self.expected != self.answered
