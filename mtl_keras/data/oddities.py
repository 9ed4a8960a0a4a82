"""What is odd in files, though they can be read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

# A label that is called so may be the name of its column.
NAMES_OF_COLUMNS = {
    *("text", "texts", "sentence", "utterance", "query", "words", "tokens", "label", "labels"),
    *("class", "category", "intent", "sentiment", "tag", "tags", "target", "topic", "ner_tags"),
    *("classes", "upos", "xpos", "ner", "chunk", "ner_tag", "pos_tag", "pos_tags", "chunk_tags"),
}
NAMES_OF_TAGS = NAMES_OF_COLUMNS | {"pos"}  # `pos` of texts is often short for positive
_NAMES_OF_WORDS = {
    "word",
    "words",
    "token",
    "tokens",
    "form",
    "text",
    "sentence",
    "id",
    "sentence #",
}


def is_header_of_words(word: str, tag: str) -> bool:
    """Whether a word and its tag are called as the columns of words and tags are.

    Example:

    >>> is_header_of_words("TOKEN", "POS"), is_header_of_words("Word", "NN")
    (True, False)
    """
    return word.casefold() in _NAMES_OF_WORDS and tag.casefold() in NAMES_OF_TAGS


@dataclass
class Oddities:
    """What is odd in some files.

    Args:
        rows: what is odd (a key of `audit.SENTENCES`) → in how many rows.
        places: likewise → the first of them, `file:line`.
        details: likewise → what there is to say of it.
        used: keys of `label_names` that are in the files.
        first: label → files of whose first line it is, though that may be a header.
    """

    rows: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    first: dict[str, list[str]] = field(default_factory=dict)

    def note(self, place: str, about: str, detail: str = "") -> None:
        """Counts a row."""
        self.rows[about] += 1
        self.places.setdefault(about, place)
        self.details.setdefault(about, detail)

    def add(self, others: "Oddities") -> None:
        """Adds those of another file."""
        self.rows.update(others.rows)
        self.places = others.places | self.places
        self.details = others.details | self.details
        self.used |= others.used
        for label, paths in others.first.items():
            self.first.setdefault(label, []).extend(paths)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        plain = {name: dict(getattr(self, name)) for name in ("rows", "places", "details", "first")}
        return plain | {"used": sorted(self.used)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` described."""
        rows, used = Counter(value["rows"]), set(value["used"])
        return cls(**{**value, "rows": rows, "used": used})
