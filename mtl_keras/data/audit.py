"""What a task's splits have that makes a score mean less, or more, than it seems."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mtl_keras.data.findings import FEW_EXAMPLES, Finding
from mtl_keras.data.label_findings import of_files, of_names
from mtl_keras.data.split_rows import Equals, Rows, contradictions, rows_of, shared
from mtl_keras.data.task import SPLITS
from mtl_keras.data.task_dataset import TaskDataset

if TYPE_CHECKING:
    from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer


def audit(
    datasets: Mapping[str, TaskDataset], tokenizer: "Tokenizer | None" = None
) -> tuple[Finding, ...]:
    """Looks through all splits that were read; what it keeps of an example is 24 bytes.

    Args:
        datasets: task → its files.
        tokenizer: cuts the texts; None: what is cut is not looked for.

    Returns:
        Texts that two splits share, and texts with different labels (equal but for white space at
        their ends); labels without an example, or with few, or that training lacks, or that look
        like another or like something else; what is odd in the files; texts, spans and words that
        are cut.

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
        findings += of_names(dataset, splits)
        findings += of_files(dataset, splits)
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
