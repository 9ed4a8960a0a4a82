"""Findings: things that a user should know about a task's examples, and their sentences."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mtl_keras.errors import listed, shown

MOST_LABELS = 8  # that a sentence names
FEW_EXAMPLES = 5  # fewer examples of a label than this are reported: a rule of thumb
HIGH_SCORE = 0.95  # from which on the score of an answer that is always the same is reported
# What a finding is about → its sentence.
SENTENCES = {
    "shared_with_train": "{count:,} of {of:,} texts are also training texts, which flatters scores",
    "shared_with_validation": "{count:,} of {of:,} texts are also validation texts, by which the "
    "weights are chosen",
    "contradictions": "{count:,} of {of:,} texts have other labels in other rows",
    "similar_to_train": "{count:,} of {of:,} texts differ from a training text only in case, "
    "punctuation, blanks or (in texts of 20 letters or more) digits, which flatters scores",
    "similar_to_validation": "{count:,} of {of:,} texts differ from a validation text only in "
    "case, punctuation, blanks or (in texts of 20 letters or more) digits, and the weights are "
    "chosen by those",
    "near_empty": "{count:,} of {of:,} texts have fewer than two letters or digits",
    "constant": "always answering {labels} already scores {share:.3f}, so a score near that says "
    "little",
    "nothing_to_find": "no example has a label, so F1 measures nothing here",
    "absent": "no example of {labels}",
    "more": "{count:,} of {of:,} labels do not occur in training, and count as wrong: {labels}",
    "not_learnt": "{count:,} of {of:,} labels are not the model's, and count as wrong: {labels}",
    "alike": "labels look alike but differ: {labels}; to join them, map one to the other with "
    "label_names in columns",
    "joined": "labels look like several labels in one: {labels}; with kind: multilabel, '|' "
    "separates the labels of a cell",
    "column_name": "the label {labels} has the name of a column; is a header among the rows?",
    "maybe_missing": "the label {labels} may stand for a missing value; fill it in, or list the "
    "task's labels if it is one",
    "unused_names": "label_names maps labels that no row has: {labels}",
    "hidden": "{count:,} of {of:,} rows have labels with invisible characters, which are removed; "
    "first",
    "quoted": "{count:,} of {of:,} rows have a field in quotes, and the quotes are read as part of "
    "it; to remove them from a TSV file, set format: csv and delimiter: tab; first",
    "broken_words": "{count:,} of {of:,} rows have spans that begin or end inside a word; end is "
    "one past the last character, and offsets count code points, not UTF-16 units; first",
    "sniffed": "a file's name does not show its format; it is read as {labels} (set format in "
    "columns to change that); first",
    "few": f"fewer than {FEW_EXAMPLES} examples of {{labels}}",
    "cut": "{count:,} of {of:,} texts are longer than max_length, and their ends are not read",
    "beyond_cut": "{count:,} of {of:,} labelled spans or words lie beyond max_length, and count as "
    "missed",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a user should know about a task's examples.

    Args:
        task: the task's name.
        split: `train`, `validation` or `test`; None means all of them together.
        about: a key of `SENTENCES`.
        count, of: how many of how many items it concerns, or a score as a fraction; 0 if it
            concerns labels.
        labels: the labels that it concerns.
        nearest: for each label, the one that could have been meant; may be empty.
        places: a few examples, as `file:line`, in pairs if two rows are compared.

    Example:

    >>> finding = Finding(task="mood", split="test", about="absent", labels=("mixed",))
    >>> finding.in_words()
    "mood, test: no example of 'mixed'"
    """

    task: str
    split: str | None
    about: str
    count: int = 0
    of: int = 0
    labels: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    places: tuple[tuple[str, ...], ...] = ()

    def in_words(self, *, places: bool = True) -> str:
        """The finding in one line. `places` adds the examples, which a model card must not show."""
        where = f"{self.task}, {self.split}" if self.split else self.task
        return f"{where}: {self.what(places=places)}"

    def what(self, *, places: bool) -> str:
        """The finding without its task and split."""
        labels = self._nearest_in_words() if self.nearest else listed(self.labels)
        share = self.count / self.of if self.of else 0.0
        sentence = SENTENCES[self.about].format(
            count=self.count, of=self.of, labels=labels, share=share
        )
        examples = "; ".join(" and ".join(rows) for rows in self.places if places)
        return sentence + (f": {examples}" if examples else "")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Finding":
        """The finding that `to_json` described."""
        places = tuple(map(tuple, value["places"]))
        lists = {name: tuple(value.get(name, ())) for name in ("labels", "nearest")}
        return cls(**{**value, **lists, "places": places})

    def _nearest_in_words(self) -> str:
        pairs = zip(self.labels, self.nearest, strict=True)
        words = [f"{shown(a)} (nearest {shown(b)})" if b else shown(a) for a, b in pairs]
        rest = f", … ({len(words)} in all)" if len(words) > MOST_LABELS else ""
        return ", ".join(words[:MOST_LABELS]) + rest
