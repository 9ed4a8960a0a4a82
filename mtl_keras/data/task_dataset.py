"""Streams a task's files as validated examples: memory does not grow with the files."""

from __future__ import annotations

import functools
import itertools
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from mtl_keras.data.counts import Counts
from mtl_keras.data.example_arrays import by_text, signature_of
from mtl_keras.data.examples import Example
from mtl_keras.data.hub_datasets import HubDataset
from mtl_keras.data.label_index import KnownLabels, known_labels
from mtl_keras.data.oddities import Oddities
from mtl_keras.data.shuffling import shuffle_keys, shuffled
from mtl_keras.data.split_files import Placed, SplitFiles, only_paths
from mtl_keras.data.split_sources import Source, check_training
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.tables import Table
from mtl_keras.data.task import Task
from mtl_keras.encoders.chunks import chunks
from mtl_keras.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

SHUFFLE_KEY = "shuffle_key"


class TaskDataset:
    """A task's files. Every row is checked and counted, in one pass per file, before work begins.

    The counts of a file are cached until it changes (`storage.file_cache`).

    Without validation files, about a tenth of the training examples become the validation split:
    those that a checksum of the text picks, so equal texts are on the same side; or every tenth
    row, if the checksum picks none or more than a fifth.

    Args:
        task: its files, columns and labels. Without labels, they are those of the training files,
            sorted. Other splits may then have labels that training lacks: these cannot be
            predicted, and count as wrong.
        base_folder: what relative paths are relative to.
        unread: splits whose files are not read beforehand. Their rows are not counted, and are
            checked as they are streamed. `train` can be unread only if the task has labels and
            validation files.
        report: receives the progress every few seconds.
        refuse: receives each split and fault; faulty rows are then left out. None raises the first
            fault.

    Attributes:
        task: the task, with its labels, or the scale of its numbers.
        splits: those that the task has.
        counts: split → number of examples, for the splits that were read.
        label_counts: split → label → number of examples; for tagging, span type → number of spans.
        more_labels: split → its labels that training lacks; their indices follow the task's.
        oddities: split → oddities of its files, for the splits that were read.
        fault: the error of a row as it was streamed.

    Raises:
        InputError: a file is missing or unreadable; a row does not fit the format or the kind; a
            text is empty; the task lacks a label; or a split has no example. With file and line.

    Example:

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "moods.csv")
    >>> _ = file.write_text("text,label\\n" + "fine,good\\nbroken,bad\\n" * 10)
    >>> dataset = TaskDataset(Task("mood", files={"train": file}))
    >>> dataset.task.labels, dataset.counts
    (('bad', 'good'), {'train': 18, 'validation': 2})
    >>> next(dataset.examples("train"))
    Example(text='broken', label=0, words=())
    """

    def __init__(
        self,
        task: Task,
        *,
        base_folder: str | os.PathLike = ".",
        unread: Collection[str] = (),
        report: Callable[[str], None] = lambda line: None,
        refuse: Callable[[str, InputError], None] | None = None,
    ):
        if not task.files:
            raise InputError(f"task {task.name!r} has no data; give it training files, or data")
        if isinstance(task.files, HubDataset):
            task.files.report_left_out(report)
        self.task = task = task.with_labels(task.label_kind.meant(task.labels))
        self.counts: dict[str, int] = {}
        self.label_counts: dict[str, Counter[str]] = {}
        self.more_labels: dict[str, list[str]] = {}
        self.oddities: dict[str, Oddities] = {}
        self.fault: InputError | None = None
        self._kind, self._report = task.label_kind, report
        self._files = {
            split: SplitFiles(task, split, base_folder, refuse and functools.partial(refuse, split))
            for split in SPLITS
            if split in task.files
        }
        self._is_cut_off: Callable[[str, int], bool] | None = None
        self._starts: dict[Source, int] = {}  # file → position of its first row in the split
        check_training(task, unread)
        for split in self._files:
            if split not in unread:
                try:
                    self._read(split)
                except InputError as error:
                    self._files[split].refuse(error)
        self.splits = tuple(dict.fromkeys((*self._files, *self.counts)))

    @property
    def files(self) -> list[str]:
        """The files and folders of all splits."""
        return only_paths(self._files.values())

    @property
    def table_fingerprints(self) -> dict[str, str]:
        """Table from memory → SHA-256 of its texts and labels as they are now."""
        return {
            table.name: table.fingerprint(self.task.columns_of(split))
            for split, files in self._files.items()
            for table in files.paths
            if isinstance(table, Table)
        }

    @property
    def unread_files(self) -> list[str]:
        """The files that were not read beforehand."""
        unread = (files for split, files in self._files.items() if split not in self.counts)
        return only_paths(unread)

    def check_split(self, split: str) -> None:
        """Raises `InputError` if the task has no such split."""
        if split not in self.splits:
            raise InputError(
                f"task {self.task.name!r} has no {split} examples; it has {', '.join(self.splits)}"
            )

    def examples(self, split: str) -> Iterator[Example]:
        """A split's examples, in the files' order."""
        return (example for _, _, example in self.placed_examples(split))

    def placed_examples(self, split: str) -> Iterator[Placed]:
        """`(file, line, example)` of a split, in the files' order."""
        self.check_split(split)
        return itertools.chain.from_iterable(stream() for stream in self._streams(split))

    def placed_in_splits(self) -> Iterator[tuple[str, Placed]]:
        """Split and `(file, line, example)` of all splits that were read; reads each file once."""
        read = [split for split in self._files if split in self.counts]
        files = ((split, path) for split in read for path in self._files[split].paths)
        return itertools.chain.from_iterable(itertools.starmap(self._divided, files))

    def _streams(self, split: str) -> list[Callable[[], Iterator[Placed]]]:
        """Functions that open each file of a split."""
        source = split if split in self._files else "train"
        return [
            functools.partial(self._of_file, split, source, path)
            for path in self._files[source].paths
        ]

    def _of_file(self, split: str, source: str, path: Source) -> Iterator[Placed]:
        return (row for name, row in self._divided(source, path) if name == split)

    def _divided(self, source: str, path: Source) -> Iterator[tuple[str, Placed]]:
        """The rows of a file with their splits."""
        rows = self._files[source].rows(path, self._index(source))
        is_cut_off = self._is_cut_off if source == "train" else None
        for place, row in enumerate(rows, self._starts.get(path, 0)):
            is_cut = is_cut_off is not None and is_cut_off(row[2].text, place)
            yield "validation" if is_cut else source, row

    def stream(
        self,
        split: str,
        chunk_size: int,
        *,
        seed: int | None = None,
        passes: Iterable[object] | None = None,
        buffer_size: int = 65536,
        endless: bool = False,
    ) -> tf.data.Dataset:
        """A split's examples in chunks.

        Args:
            split: `train`, `validation` or `test`.
            chunk_size: examples per element; the last of a pass may have fewer.
            seed: of the shuffling, which differs at each pass: the files are shuffled, 16 of them
                are read in turn, and their rows pass through a buffer. None keeps the files' order.
            passes: names the passes (`Passes`); the order depends on the seed and the name. When
                None, passes are numbered.
            buffer_size: examples in the buffer from which the next is drawn; fewer if texts are
                long. No example moves forward by more places than that, so a longer file that is
                sorted by label stays partly sorted.
            endless: whether passes follow each other without end, rather than one per iteration.

        Returns:
            Dicts of `text`, string `(n,)`, and `label`: int32 `(n,)`; for regression float32
            `(n,)`; for multilabel float32 `(n, classes)` of zeros and ones, with a column for each
            of `more_labels`; if words are labelled, ragged int32 `(n, words)`. In that case also
            `word_starts`, ragged int32 `(n, words)`, the byte offset of each word in the text. With
            a seed also `shuffle_key`, int64 `(2,)`, for further shuffling.
        """
        import tensorflow as tf

        self.check_split(split)
        named = itertools.count() if passes is None else passes

        def all_chunks() -> Iterator[dict[str, np.ndarray]]:
            names = iter(named) if seed is not None else itertools.count()
            for name in names if endless else itertools.islice(names, 1):
                yield from self._chunks(split, chunk_size, seed, name, buffer_size)

        signature = signature_of(self._kind.arrays([], self._num_classes(split)))
        if seed is not None:
            signature[SHUFFLE_KEY] = tf.TensorSpec((2,), tf.int64)
        dataset = tf.data.Dataset.from_generator(all_chunks, output_signature=signature)
        as_it_is = tf.autograph.experimental.do_not_convert
        return dataset.map(as_it_is(by_text)) if "words" in signature else dataset

    def _chunks(
        self, split: str, chunk_size: int, seed: int | None, name: object, buffer_size: int
    ) -> Iterator[dict[str, np.ndarray]]:
        """The chunks of one pass."""
        rows, order = self.placed_examples(split), f"{seed}/{name}"
        keys: Iterator[dict[str, np.ndarray]] = itertools.repeat({})
        if seed is not None:
            rows = shuffled(self._streams(split), buffer_size, order, _length)
            keys = ({SHUFFLE_KEY: key} for key in shuffle_keys(order))
        is_empty = True
        try:
            for chunk in chunks(rows, chunk_size, _length):
                is_empty = False
                examples = [example for _, _, example in chunk]
                yield self._kind.arrays(examples, self._num_classes(split)) | next(keys)
            if is_empty and split not in self.counts:
                raise self._no_example(split)
        except InputError as error:
            self.fault = error
            raise

    def _index(self, split: str) -> KnownLabels:
        return known_labels((*self.task.labels, *self.more_labels.get(split, ())))

    def _num_classes(self, split: str) -> int:
        """The number of classes in a split: the task's, and those that training lacks."""
        return self._kind.num_outputs((*self.task.labels, *self.more_labels.get(split, ())))

    def _no_example(self, split: str) -> InputError:
        return InputError(
            f"{self._files[split].paths[0]}: no example; task {self.task.name!r} needs some to "
            f"{'train on' if split == 'train' else 'measure'}"
        )

    def _read(self, split: str) -> None:
        """Checks and counts the examples of a split's files; finds labels if none are listed."""
        files = self._files[split]
        must_find = not self.task.has_all_labels
        more = must_find or (self.task.labels_are_found and split != "train")
        sides = files.counts(self.task.labels, self._report, more=more)
        counts = Counts.sum(itertools.chain.from_iterable(sides))
        is_divided = split == "train" and "validation" not in self._files
        if files.faults and counts.examples < (2 if is_divided else 1):
            return  # the faults are why there are too few
        if not counts.examples:
            raise self._no_example(split)
        if must_find and split != "train":
            return  # faults of training are why there is none
        if must_find:
            self.task = self.task.with_labels(files.labels(counts))
        elif more and (others := files.more_labels(self.task.labels, counts)):
            if len(others) == len(counts.labels):
                return  # all rows are faulty
            self.more_labels[split] = others
        self.oddities[split] = files.oddities
        if not is_divided:
            self._keep(split, counts)
            return
        sizes = (kept.examples + cut_off.examples for kept, cut_off in sides)
        self._starts = dict(zip(files.paths, itertools.accumulate(sizes, initial=0), strict=False))
        self._is_cut_off, (kept, cut_off) = files.cut(sides, self._index(split))
        self._keep("train", kept)
        self._keep("validation", cut_off)

    def _keep(self, split: str, counts: Counts) -> None:
        self.counts[split], self.label_counts[split] = counts.examples, counts.labels
        if split == "train" and counts.numbers.count and not self.task.scale:
            self.task = self.task.at_scale(counts.numbers.scale)


def _length(row: Placed) -> int:
    return len(row[2].text)
