"""Which words an answer depends on: what changes if each is left out."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mtl_keras.data.answer_forms import AnswerForm

MOST_WORDS = 100  # of a text; the words after these are not tried
TEXTS_AT_ONCE = 32


class Influence(NamedTuple):
    """How much a word moves an answer.

    Args:
        start, end: of the word, in characters.
        change: of the answer's strength when the word is in the text: above 0 if it speaks for it.
    """

    start: int
    end: int
    change: float


def occlusion(
    ask: Callable[[Sequence[str]], list[dict]], task: str, form: AnswerForm, text: str
) -> list[Influence]:
    """How the strength of a task's answer changes with each word of a text.

    Strength is the probability of the label that was given, the sum over the labels that were
    given, or the number. A word is a run of characters without blanks.

    Zeiler & Fergus, 2014, "Visualizing and Understanding Convolutional Networks" (occlusion); of
    words: Li, Monroe & Jurafsky, 2016, "Understanding Neural Networks through Representation
    Erasure".

    Args:
        ask: texts → answers, as `mtl_keras.answer`.
        task: whose answer it is.
        form: of its answers; one that has a strength.
        text: that is answered.
    """
    words = list(re.finditer(r"\S+", text))[:MOST_WORDS]
    texts = [text, *(text[: word.start()] + text[word.end() :] for word in words)]
    answers: list[Any] = []
    for first in range(0, len(texts), TEXTS_AT_ONCE):
        answers += [answer[task] for answer in ask(texts[first : first + TEXTS_AT_ONCE])]
    given, *without = answers
    assert form.strength is not None
    whole = form.strength(given, given)
    return [
        Influence(*word.span(), whole - form.strength(given, answer))
        for word, answer in zip(words, without, strict=True)
    ]
