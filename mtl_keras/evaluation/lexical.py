"""Features for linear models without an encoder: the words of a task's examples."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from mtl_keras.evaluation.readings import OutputsOf, Reading
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.models.kinds.vectors import Chunk

# The most frequent ones. With many labels, more would cost minutes and gain nothing.
MOST_TERMS, MOST_WORD_FEATURES = 2**15, 2**13
# Runs of letters and digits, and runs of other signs, so that no text is without a token.
TOKEN = r"\w+|[^\w\s]+"
LONGEST_AFFIX = 3


class Lexical(Reading):
    """TF-IDF of a text's words and word pairs; or features of the form of each word.

    Texts: the 32,768 most frequent terms (Salton & Buckley, 1988, "Term-weighting approaches in
    automatic text retrieval"; scikit-learn's smoothed form). Words: the 8,192 most frequent
    `word_features`, present or absent. Texts are not truncated to the encoder's longest input.
    """

    def estimator(self, labels: np.ndarray) -> Any:
        vectorizer = _of_words() if self.is_per_word else _of_texts()
        return make_pipeline(vectorizer, super().estimator(labels))

    def training_rows(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        labels = chunk["label"]
        return self._rows(chunk), (labels.values if self.is_per_word else labels).numpy()

    def scored(self, chunk: Chunk, outputs_of: OutputsOf) -> Scored:
        outputs, labels = outputs_of(self._rows(chunk)), chunk["label"]
        if self.is_per_word:
            return labels.to_list(), np.split(outputs, labels.row_splits.numpy()[1:-1])
        return list(labels.numpy()), list(outputs)

    def _rows(self, chunk: Chunk) -> np.ndarray:
        """Texts, or lists of word features: objects `(rows,)`."""
        texts = chunk["text"].numpy()
        if self.is_per_word:
            words = map(_words, texts, chunk["word_starts"].to_list())
            rows = [features for of_text in words for features in word_features(of_text)]
        else:
            rows = [text.decode() for text in texts]
        return np.fromiter(rows, object, len(rows))


def word_features(words: Sequence[str]) -> Iterator[list[str]]:
    """Features of each word of a text: its form, prefixes, suffixes and shape, and its neighbours.

    They follow the baselines of Tjong Kim Sang & De Meulder, 2003, "Introduction to the CoNLL-2003
    shared task".

    Example:

    >>> next(word_features(["Leeds", "2024"]))  # doctest: +NORMALIZE_WHITESPACE
    ['word=leeds', 'shape=Xx', 'prefix=l', 'suffix=s', 'prefix=le', 'suffix=ds', 'prefix=lee',
     'suffix=eds', 'before=', 'before shape=', 'after=2024', 'after shape=d']
    """
    lowered = ["", *(word.lower() for word in words), ""]
    shapes = ["", *map(_shape, words), ""]
    for place, word in enumerate(lowered[1:-1], 1):
        ends = (
            end
            for length in range(1, LONGEST_AFFIX + 1)
            for end in (f"prefix={word[:length]}", f"suffix={word[-length:]}")
        )
        yield [
            f"word={word}",
            f"shape={shapes[place]}",
            *ends,
            f"before={lowered[place - 1]}",
            f"before shape={shapes[place - 1]}",
            f"after={lowered[place + 1]}",
            f"after shape={shapes[place + 1]}",
        ]


def _of_texts() -> TfidfVectorizer:
    return TfidfVectorizer(
        ngram_range=(1, 2), token_pattern=TOKEN, max_features=MOST_TERMS, dtype=np.float32
    )


def _of_words() -> CountVectorizer:
    return CountVectorizer(
        analyzer=list, binary=True, max_features=MOST_WORD_FEATURES, dtype=np.float32
    )


def _words(text: bytes, starts: Sequence[int]) -> list[str]:
    """The words of a text, which are joined by blanks and begin at these byte offsets."""
    limits = [*(start - 1 for start in starts[1:]), len(text)]
    return [text[start:limit].decode() for start, limit in zip(starts, limits, strict=True)]


def _shape(word: str) -> str:
    """Kinds of characters, with runs merged: `X` upper case, `x` other letters, `d` digits, `.`
    others.

    Example:

    >>> _shape("McDonald's"), _shape("B-52")
    ('XxXx.x', 'X.d')
    """
    kinds = (
        "X" if sign.isupper() else "x" if sign.isalpha() else "d" if sign.isdigit() else "."
        for sign in word
    )
    return "".join(kind for kind, _ in itertools.groupby(kinds))
