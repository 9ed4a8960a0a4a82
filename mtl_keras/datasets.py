"""A task's files → validated examples, streamed: memory does not grow with the files."""

from __future__ import annotations

import itertools
import os
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from mtl_keras.errors import InputError
from mtl_keras.examples import KINDS, Example, KnownLabels, NewLabels, RowError, span_types
from mtl_keras.files import find_files, shown
from mtl_keras.formats import locate, read_rows
from mtl_keras.tasks import SPLITS, Task

if TYPE_CHECKING:
    import tensorflow as tf

SHUFFLE_KEY = "shuffle_key"


class TaskDataset:
    """A task's files, every row checked and counted, in one pass a split, before work begins.

    Without validation files a tenth of the training examples is cut off for it: those that a
    checksum of the text picks, so that equal texts are on one side and new rows move none; or,
    where the texts are so few that it picks none or over a fifth, every tenth row.

    Args:
        task: its files and columns, and its labels; where it has none they are those of the
            training files, sorted. Labels found in this way must occur twice: one that does not
            is taken for a slip.
        base_folder: what relative paths are relative to.

    Attributes:
        task: the task, with its labels.
        counts: split → number of examples.
        label_counts: split → label → number of examples; for tagging, span type → number of spans.

    Raises:
        InputError: a file that is missing or unreadable; a row against the file's format or the
            task's kind; an empty text; a label that the task does not have; a split without an
            example. One line, with file and line.

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

    def __init__(self, task: Task, *, base_folder: str | os.PathLike = "."):
        if not task.files:
            raise InputError(f"task {task.name!r} has no files; give it training files")
        if task.kind == "tagging":
            task = task.with_labels(span_types(task.labels))
        self.task = task
        self.counts: dict[str, int] = {}
        self.label_counts: dict[str, Counter[str]] = {}
        self._kind = KINDS[task.kind]
        self._paths = {
            split: find_files(task.files[split], base_folder)
            for split in SPLITS
            if split in task.files
        }
        self._is_cut_off: Callable[[str, int], bool] | None = None
        self._index: KnownLabels | NewLabels = KnownLabels(task.labels)
        if task.kind != "regression" and not task.labels:
            self._index = self._new_labels()
        for split in self._paths:
            self._scan(split)
            self._adopt_labels()

    @property
    def files(self) -> list[str]:
        """The files and folders of all splits."""
        return [path for paths in self._paths.values() for path in paths]

    def check_split(self, split: str) -> None:
        """Raises InputError where the task has no such split."""
        if split not in self.counts:
            raise InputError(
                f"task {self.task.name!r} has no {split} examples; it has {', '.join(self.counts)}"
            )

    def examples(self, split: str) -> Iterator[Example]:
        """A split's examples, in the files' order."""
        return (example for _, _, example in self.placed_examples(split))

    def placed_examples(self, split: str) -> Iterator[tuple[str, int, Example]]:
        """`(file, line, example)` of a split, in the files' order."""
        self.check_split(split)
        return self._placed_examples(split)

    def _placed_examples(self, split: str) -> Iterator[tuple[str, int, Example]]:
        source = split if split in self._paths else "train"
        is_cut_off = self._is_cut_off if source == "train" else None
        for position, row in enumerate(self._rows(source)):
            if not is_cut_off or is_cut_off(row[2].text, position) == (split == "validation"):
                yield row

    def stream(
        self,
        split: str,
        chunk_size: int,
        *,
        seed: int | None = None,
        passes: Iterator[object] | None = None,
        buffer_size: int = 65536,
    ) -> tf.data.Dataset:
        """A split's examples in chunks.

        Args:
            chunk_size: examples an element; the last may have fewer.
            seed: shuffles, in a new order at each iteration of the dataset; None keeps the files'.
            passes: names the iterations (`Passes`): an order follows from the seed and the name.
                They are counted when None.
            buffer_size: examples among which the next is drawn. One begins at most as many places
                before its own; of a file that is sorted by label and longer, the order stays
                partly sorted.

        Returns:
            Dicts of `text`, string `(n,)`, and `label`: int32 `(n,)`, for regression float32
            `(n,)`, for multilabel float32 `(n, classes)` of zeros and ones, for tagging ragged
            int32 `(n, words)`; for tagging also `word_starts`, ragged int32 `(n, words)`, the byte
            offset of each word in the text; with a seed also `shuffle_key`, int64 `(2,)`, for what
            shuffles further.
        """
        import tensorflow as tf

        self.check_split(split)
        names = itertools.count() if passes is None else passes

        def chunks() -> Iterator[dict[str, np.ndarray]]:
            examples = self.examples(split)
            keys: Iterator[dict[str, np.ndarray]] = itertools.repeat({})
            if seed is not None:
                name = f"{seed}/{next(names)}"
                examples = _shuffled(examples, buffer_size, random.Random(name))
                keys = _shuffle_keys(random.Random(f"keys/{name}"))
            while chunk := list(itertools.islice(examples, chunk_size)):
                yield self._kind.arrays(chunk, self.task.num_outputs) | next(keys)

        signature = {
            name: tf.TensorSpec(
                (None, *array.shape[1:]), tf.string if array.dtype == object else array.dtype
            )
            for name, array in self._kind.arrays([], self.task.num_outputs).items()
        }
        if seed is not None:
            signature[SHUFFLE_KEY] = tf.TensorSpec((2,), tf.int64)
        dataset = tf.data.Dataset.from_generator(chunks, output_signature=signature)
        as_it_is = tf.autograph.experimental.do_not_convert
        return dataset.map(as_it_is(_ragged)) if "words" in signature else dataset

    def _new_labels(self) -> NewLabels:
        if "train" in self._paths:
            return NewLabels()
        raise InputError(
            f"task {self.task.name!r} has no training files to find its labels in; list its labels"
        )

    def _scan(self, split: str) -> None:
        """Checks and counts the examples of a split's files."""
        if split != "train" or "validation" in self._paths:
            self._count(split, (split,))
            return
        self._is_cut_off = _by_text
        self._count(split, ("train", "validation"))
        if not 0 < 4 * self.counts["validation"] <= self.counts["train"]:
            self._is_cut_off = _by_position
            self._count(split, ("train", "validation"))
        if not self.counts["train"]:
            raise InputError(
                f"{self._paths['train'][0]}: one example, too few to cut off a validation split; "
                "give more, or validation files"
            )

    def _count(self, split: str, sides: tuple[str, ...]) -> None:
        numbers = [0, 0]
        counts: list[Counter[int]] = [Counter(), Counter()]
        is_cut_off = self._is_cut_off if len(sides) > 1 else None
        for position, (_, _, example) in enumerate(self._rows(split)):
            side = is_cut_off is not None and is_cut_off(example.text, position)
            numbers[side] += 1
            for index in self._kind.counted(example.label):
                counts[side][index] += 1
        if not any(numbers):
            raise InputError(
                f"{self._paths[split][0]}: no example; task {self.task.name!r} needs some to "
                f"{'train on' if split == 'train' else 'measure'}"
            )
        names = list(self._index)
        for name, number, found in zip(sides, numbers, counts, strict=False):
            self.counts[name] = number
            self.label_counts[name] = Counter({names[index]: found[index] for index in found})

    def _rows(self, split: str) -> Iterator[tuple[str, int, Example]]:
        """`(file, line, example)` of a split's files."""
        columns = self.task.columns_of(split)
        tagging = self.task.kind == "tagging"
        for path in self._paths[split]:
            for line, text, label in read_rows(path, columns, tagging=tagging):
                try:
                    example = self._kind.example(text, label, columns.label_names, self._index)
                except RowError as fault:
                    where = locate(path, line, part=fault.part, word=fault.word, tagging=tagging)
                    raise InputError(f"{where}: {fault}{_header_hint(path, line)}") from None
                yield path, line, example

    def _adopt_labels(self) -> None:
        """Makes the labels that the training files hold the task's, where it has none."""
        if not isinstance(self._index, NewLabels):
            return
        labels = self._index.in_order()
        place = self._paths["train"][0]
        if not labels:
            raise InputError(f"{place}: no label in any row; task {self.task.name!r} needs some")
        if self.task.kind == "classification":
            self._refuse_single_examples()
            if len(labels) == 1:
                raise InputError(
                    f"{place}: every row has the label {shown(labels[0])}; expected two or more"
                )
        self.task = self.task.with_labels(labels)
        self._index = KnownLabels(labels)

    def _refuse_single_examples(self) -> None:
        numbers = sum(self.label_counts.values(), Counter[str]())
        single = next((label for label, number in numbers.items() if number == 1), None)
        if single is None:
            return
        path, line, _ = next(
            row for row in self._rows("train") if row[2].label == self._index[single]
        )
        raise InputError(
            f"{locate(path, line, part='label')}: only this row has the label {shown(single)}; add "
            f"another, correct it, or list the task's labels to keep it{_header_hint(path, line)}"
        )


def _header_hint(path: str, line: int) -> str:
    if line > 1 or not path.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        return ""
    return "; if this line is a header, say header: true in columns"


def _by_text(text: str, position: int) -> bool:
    return zlib.crc32(text.encode()) % 10 == 0


def _by_position(text: str, position: int) -> bool:
    return position % 10 == 0


def _shuffled(
    examples: Iterator[Example], buffer_size: int, generator: random.Random
) -> Iterator[Example]:
    buffer = list(itertools.islice(examples, buffer_size))
    for example in examples:
        place = int(generator.random() * buffer_size)
        yield buffer[place]
        buffer[place] = example
    generator.shuffle(buffer)
    yield from buffer


def _shuffle_keys(generator: random.Random) -> Iterator[dict[str, np.ndarray]]:
    while True:
        key = [generator.getrandbits(63), generator.getrandbits(63)]
        yield {SHUFFLE_KEY: np.array(key, np.int64)}


def _ragged(chunk: dict[str, tf.Tensor]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    import tensorflow as tf

    lengths = tf.cast(chunk["words"], tf.int64)
    ragged = {
        name: tf.RaggedTensor.from_row_lengths(chunk[name], lengths, validate=False)
        for name in ("word_starts", "label")
    }
    return {name: values for name, values in chunk.items() if name != "words"} | ragged
