"""How far no network gets on the synthetic tickets: `python -m mtl_keras.samples.baselines`.

Topic and sentiment: TF-IDF of single words and logistic regression. Entities: each word gets
the tag that it had most often in training. Needs scikit-learn.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from mtl_keras.samples.make_tickets import TICKETS_FOLDER

Span = tuple[int, int, int, str]  # sentence, first word, limit, entity


def bag_of_words_accuracy(folder: Path, label: str) -> float:
    """Test accuracy of TF-IDF and logistic regression on a column, `topic` or `sentiment`."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, test = read_csv(folder / "train.csv"), read_csv(folder / "test.csv")
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000, C=10.0))
    model.fit([row["text"] for row in train], [row[label] for row in train])
    return float(model.score([row["text"] for row in test], [row[label] for row in test]))


def most_frequent_tag_f1(folder: Path) -> float:
    """Test span F1 when each word gets its most frequent training tag, an unknown word `O`."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in read_conll(folder / "train.conll"):
        for word, tag in sentence:
            counts[word.lower()][tag] += 1
    usual = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    test = read_conll(folder / "test.conll")
    truth = spans([[tag for _, tag in sentence] for sentence in test])
    guess = spans([[usual.get(word.lower(), "O") for word, _ in sentence] for sentence in test])
    return 2 * len(truth & guess) / (len(truth) + len(guess))


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a ticket file, by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_conll(path: Path) -> list[list[tuple[str, str]]]:
    """The sentences of an entity file, as (word, tag) pairs."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [
        [(word, tag) for word, tag in (line.split("\t") for line in block.split("\n"))]
        for block in blocks
    ]


def spans(tags: Sequence[Sequence[str]]) -> set[Span]:
    """The spans of BIO tags; an `I-` without a span of its kind before it starts one.

    >>> spans([["O", "B-city", "I-city"]])
    {(0, 1, 3, 'city')}
    """
    spans_found: set[Span] = set()
    for sentence, row in enumerate(tags):
        start, entity = 0, ""
        for position, tag in enumerate([*row, "O"]):
            if entity and tag != f"I-{entity}":
                spans_found.add((sentence, start, position, entity))
                entity = ""
            if tag != "O" and not entity:
                start, entity = position, tag[2:]
    return spans_found


def main() -> None:
    """Prints the baselines."""
    for label in ("topic", "sentiment"):
        accuracy = bag_of_words_accuracy(TICKETS_FOLDER, label)
        print(f"{label:<10} TF-IDF + logistic regression, test accuracy  {accuracy:.3f}")
    f1 = most_frequent_tag_f1(TICKETS_FOLDER)
    print(f"{'entities':<10} most frequent tag of each word, test span F1  {f1:.3f}")


if __name__ == "__main__":
    main()
