"""What a task's splits have that makes a score mean less, or more, than it seems."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mtl_keras.data.split_rows import Equals, Rows, contradictions, rows_of, shared
from mtl_keras.data.task import SPLITS
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import listed

if TYPE_CHECKING:
    from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer

FEW_EXAMPLES = 5  # of a label to train on: our rule of thumb
# What a finding is about → its sentence.
SENTENCES = {
    "shared_with_train": "{count:,} of {of:,} texts are training texts too, which flatters scores",
    "shared_with_validation": "{count:,} of {of:,} texts are validation texts too, by which the "
    "weights are chosen",
    "contradictions": "{count:,} of {of:,} texts have other labels in other rows",
    "nothing_to_find": "no example has a label, so that F1 judges nothing here",
    "absent": "no example of {labels}",
    "few": f"fewer than {FEW_EXAMPLES} examples of {{labels}}",
    "cut": "{count:,} of {of:,} texts are longer than max_length, and their ends are not read",
    "beyond_cut": "{count:,} of {of:,} labelled spans or words lie beyond max_length, and count as "
    "missed",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a user should know of a task's examples.

    Args:
        task: its name.
        split: `train`, `validation` or `test`; None: all of them together.
        about: what it is, a key of `SENTENCES`.
        count, of: how many of how many it concerns; 0 if it concerns labels.
        labels: that it concerns.
        places: a few examples, `file:line`, in pairs if two rows are compared.

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
    places: tuple[tuple[str, ...], ...] = ()

    def in_words(self, *, places: bool = True) -> str:
        """A line; with `places` it names the examples, which are nobody's business in a card."""
        labels = listed(self.labels)
        sentence = SENTENCES[self.about].format(count=self.count, of=self.of, labels=labels)
        where = f"{self.task}, {self.split}" if self.split else self.task
        examples = ", ".join(" and ".join(rows) for rows in self.places if places)
        return f"{where}: {sentence}" + (f": {examples}" if examples else "")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Finding":
        """The finding that `to_json` described."""
        places = tuple(map(tuple, value["places"]))
        return cls(**{**value, "labels": tuple(value["labels"]), "places": places})


def audit(
    datasets: Mapping[str, TaskDataset], tokenizer: "Tokenizer | None" = None
) -> tuple[Finding, ...]:
    """Looks through all splits that were read; what it keeps of an example is 24 bytes.

    Args:
        datasets: task → its files.
        tokenizer: cuts the texts; None: what is cut is not looked for.

    Returns:
        Texts that two splits share, and texts with different labels (equal but for white space at
        their ends); labels without an example, or with few; texts, spans and words that are cut.

    Raises:
        InputError: a file has changed and is against its format now.

    Example:

    >>> import pathlib, tempfile
    >>> from mtl_keras.data.task import Task
    >>> file = pathlib.Path(tempfile.mkdtemp(), "moods.csv")
    >>> _ = file.write_text("text,label\\n" + "fine,good\\nbroken,bad\\n" * 10)
    >>> moods = TaskDataset(Task("mood", files={"train": file, "validation": file}))
    >>> [(each.split, each.about, each.count, each.of) for each in audit({"mood": moods})]
    [('validation', 'shared_with_train', 20, 20)]
    """
    findings: list[Finding] = []
    for dataset in datasets.values():
        splits = [split for split in SPLITS if split in dataset.counts]
        rows = {split: rows_of(dataset, split) for split in splits}
        findings += _of_texts(dataset.task.name, rows)
        findings += _of_labels(dataset, splits)
        findings += _of_cuts(dataset, splits, tokenizer)
    return tuple(findings)


def of_split(findings: Iterable[Finding], split: str) -> list[Finding]:
    """Those that concern a split."""
    return [finding for finding in findings if finding.split in (split, None)]


def _of_texts(task: str, rows: Mapping[str, Rows]) -> Iterator[Finding]:
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if {first, second} <= set(rows):
            found = shared(rows[first], rows[second])
            if found.number:
                yield _of_equals(found, task, second, f"shared_with_{first}")
    found = contradictions(list(rows.values()))
    if found.number:
        yield _of_equals(found, task, None, "contradictions")


def _of_equals(found: Equals, task: str, split: str | None, about: str) -> Finding:
    count, of, places = found
    return Finding(task=task, split=split, about=about, count=count, of=of, places=places)


def _of_labels(dataset: TaskDataset, splits: Iterable[str]) -> Iterator[Finding]:
    task = dataset.task
    if not task.label_kind.has_labels:
        return
    for split in splits:
        counts: Counter[str] = dataset.label_counts[split]
        absent = tuple(label for label in task.labels if not counts[label])
        if len(absent) == len(task.labels):
            yield Finding(task=task.name, split=split, about="nothing_to_find")
        elif absent:
            yield Finding(task=task.name, split=split, about="absent", labels=absent)
    if "train" in splits:
        counts = dataset.label_counts["train"]
        few = tuple(label for label in task.labels if 0 < counts[label] < FEW_EXAMPLES)
        if few:
            yield Finding(task=task.name, split="train", about="few", labels=few)


def _of_cuts(
    dataset: TaskDataset, splits: Iterable[str], tokenizer: "Tokenizer | None"
) -> Iterator[Finding]:
    if tokenizer is None:
        return
    from mtl_keras.data.cuts import cuts

    name = dataset.task.name
    for split in splits:
        found = cuts(dataset, split, tokenizer)
        count, beyond = found.cut, found.beyond
        if count:
            of, places = found.texts, found.places
            yield Finding(task=name, split=split, about="cut", count=count, of=of, places=places)
        if beyond:
            of = found.marks
            yield Finding(task=name, split=split, about="beyond_cut", count=beyond, of=of)
