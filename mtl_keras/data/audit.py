"""Finds problems in a task's splits that make scores mean less, or more, than they seem to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mtl_keras.data.constant_answers import ConstantAnswer
from mtl_keras.data.findings import FEW_EXAMPLES, HIGH_SCORE, Finding
from mtl_keras.data.label_findings import of_files, of_names
from mtl_keras.data.split_rows import (
    Equals,
    Rows,
    contradictions,
    near_empty,
    rows_of,
    shared,
    similar,
)
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset

if TYPE_CHECKING:
    from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer


def audit(
    datasets: Mapping[str, TaskDataset], tokenizer: "Tokenizer | None" = None
) -> tuple[Finding, ...]:
    """Checks all splits that were read. It holds 24 bytes per example in memory, and some more
    while it sorts them.

    Args:
        datasets: task → its files.
        tokenizer: splits the texts into pieces; with None, truncated texts are not looked for.

    Returns:
        Texts that two splits share, or nearly (`near_texts`); texts with different labels (white
        space at the ends is ignored); nearly empty texts; labels with no or few examples, labels
        that training lacks, labels that look like another label or like something else; answers
        that score well although they are always the same; oddities of the files; truncated texts,
        spans and words.

    Raises:
        InputError: a file has changed and no longer fits its format.

    Example:

    >>> import pathlib, tempfile
    >>> from mtl_keras.data.task import Task
    >>> file = pathlib.Path(tempfile.mkdtemp(), "moods.csv")
    >>> _ = file.write_text("text,label\\n" + "fine,good\\nbroken,bad\\n" * 10)
    >>> moods = TaskDataset(Task("mood", files={"train": file, "validation": file}))
    >>> finding, = audit({"mood": moods})
    >>> finding.split, finding.about, finding.count, finding.of
    ('validation', 'shared_with_train', 20, 20)
    """
    findings: list[Finding] = []
    for dataset in datasets.values():
        splits = [split for split in SPLITS if split in dataset.counts]
        if not splits:
            continue
        rows = rows_of(dataset)
        findings += _of_texts(dataset.task.name, rows)
        findings += _of_labels(dataset, splits)
        findings += of_names(dataset, splits)
        findings += of_files(dataset, splits)
        findings += _of_cuts(dataset, splits, tokenizer)
    return tuple(findings)


def of_split(findings: Iterable[Finding], split: str) -> list[Finding]:
    """The findings that concern a split."""
    return [finding for finding in findings if finding.split in (split, None)]


def constant_answer(task: Task, dataset: TaskDataset, split: str) -> ConstantAnswer | None:
    """The answer that reads no text and is best for training, or for the split if training is not
    read; None if neither says which.

    Args:
        task: with the labels and the scale of the model, if there is one.
        dataset: its data.
        split: that the answer will be judged on.
    """
    source = "train" if "train" in dataset.counts else split
    counts = dataset.label_counts.get(source, Counter())
    of_labels = Counter({label: counts[label] for label in task.labels})
    mean = None if task.scale is None else task.scale[0]
    return task.label_kind.constant.best(of_labels, dataset.counts.get(source, 0), mean)


def _of_texts(task: str, rows: Mapping[str, Rows]) -> Iterator[Finding]:
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if {first, second} <= set(rows):
            equals = shared(rows[first], rows[second])
            yield from _of_equals(equals, task, second, f"shared_with_{first}")
            equals = similar(rows[first], rows[second])
            yield from _of_equals(equals, task, second, f"similar_to_{first}")
    yield from _of_equals(contradictions(list(rows.values())), task, None, "contradictions")
    for split, of_split in rows.items():
        yield from _of_equals(near_empty(of_split), task, split, "near_empty")


def _of_equals(equals: Equals, task: str, split: str | None, about: str) -> Iterator[Finding]:
    count, of, places = equals
    if count:
        yield Finding(task=task, split=split, about=about, count=count, of=of, places=places)


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
    for split in splits:
        counts = dataset.label_counts[split]
        few = tuple(label for label in task.labels if 0 < counts[label] < FEW_EXAMPLES)
        if few and split in task.files:  # not in a tenth that was cut off from training
            yield Finding(task=task.name, split=split, about="few", labels=few)
    for split in splits:
        yield from _of_constant(dataset, split)


def _of_constant(dataset: TaskDataset, split: str) -> Iterator[Finding]:
    task, counts = dataset.task, dataset.label_counts[split]
    answer = constant_answer(task, dataset, split)
    if answer is None:
        return
    count, of = task.label_kind.constant.sums(answer, counts, dataset.counts[split])
    if of and count >= HIGH_SCORE * of:
        name, labels = task.name, answer.labels
        yield Finding(task=name, split=split, about="constant", count=count, of=of, labels=labels)


def _of_cuts(
    dataset: TaskDataset, splits: Iterable[str], tokenizer: "Tokenizer | None"
) -> Iterator[Finding]:
    if tokenizer is None:
        return
    from mtl_keras.data.cuts import cuts

    name = dataset.task.name
    for split in splits:
        truncated = cuts(dataset, split, tokenizer)
        count, beyond = truncated.cut, truncated.beyond
        if count:
            of, places = truncated.texts, truncated.places
            yield Finding(task=name, split=split, about="cut", count=count, of=of, places=places)
        if beyond:
            of = truncated.marks
            yield Finding(task=name, split=split, about="beyond_cut", count=beyond, of=of)
