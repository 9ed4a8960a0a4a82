"""Oddities of files that can be read: what is unusual, and where."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

# A label with such a name may be the header of its column.
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
    """Whether a word and its tag look like the names of their columns.

    Example:

    >>> is_header_of_words("TOKEN", "POS"), is_header_of_words("Word", "NN")
    (True, False)
    """
    return word.casefold() in _NAMES_OF_WORDS and tag.casefold() in NAMES_OF_TAGS


@dataclass
class Oddities:
    """Oddities of some files. A kind of oddity is a key of `findings.SENTENCES`.

    Args:
        rows: kind → number of rows.
        places: kind → `file:line` of the first row.
        details: kind → further details.
        used: keys of `label_names` that occur in the files.
        first: label → files that have it in their first line, which may be a header.
    """

    rows: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    first: dict[str, list[str]] = field(default_factory=dict)

    def note(self, place: str, about: str, detail: str = "") -> None:
        """Counts a row with an oddity."""
        self.rows[about] += 1
        self.places.setdefault(about, place)
        self.details.setdefault(about, detail)

    def add(self, others: "Oddities") -> None:
        """Adds the oddities of another file."""
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
        """The oddities that `to_json` returned."""
        rows, used = Counter(value["rows"]), set(value["used"])
        return cls(**{**value, "rows": rows, "used": used})
