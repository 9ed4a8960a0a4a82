"""Which texts are longer than an encoder reads, and what is labelled beyond that."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from mtl_keras.data.example_arrays import word_starts
from mtl_keras.data.examples import Example
from mtl_keras.data.file_formats import locate
from mtl_keras.data.split_files import Placed
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.tokenizers.truncation import is_whole

CHUNK = 2048
MOST_TEXTS = 200_000  # of a split that are looked at, the first: some ten seconds
MOST_PLACES = 3  # that are named
MOST_SPECIAL = 3  # pieces that are of no character


@dataclass(frozen=True)
class Cuts:
    """How much of a split is not read.

    Args:
        texts: that were looked at.
        cut: those that are not read whole.
        marks: what is labelled in the texts: spans, or words; none if texts are labelled.
        beyond: those of which a word is not read.
        places: of the first texts that are cut, `file:line`.
    """

    texts: int = 0
    cut: int = 0
    marks: int = 0
    beyond: int = 0
    places: tuple[tuple[str, ...], ...] = ()


def cuts(dataset: TaskDataset, split: str, tokenizer: Tokenizer) -> Cuts:
    """Looks at the first 200,000 texts of a split; those that cannot be too long are not cut up.

    Raises:
        InputError: a row is against the format or the kind.
    """
    found, ends = Cuts(), dataset.task.label_kind.ends
    rows = itertools.islice(dataset.placed_examples(split), MOST_TEXTS)
    while chunk := list(itertools.islice(rows, CHUNK)):
        long = [row for row in chunk if _may_be_cut(row[2].text, tokenizer.max_length)]
        marks = sum(len(ends(example.label)) for _, _, example in chunk)
        found = replace(found, texts=found.texts + len(chunk), marks=found.marks + marks)
        if long:
            found = _with_cut(found, dataset, long, tokenizer)
    return found


def _may_be_cut(text: str, max_length: int) -> bool:
    """Whether it may have more pieces; one of ASCII has at most as many as characters."""
    return not text.isascii() or len(text) + MOST_SPECIAL > max_length


def _with_cut(found: Cuts, dataset: TaskDataset, rows: list[Placed], tokenizer: Tokenizer) -> Cuts:
    texts = tf.constant([example.text for _, _, example in rows], tf.string)
    tokenized = tokenizer(texts)
    limits = tokenized.limits[:, -1:].values.numpy()  # (rows,)
    cut = np.flatnonzero(~is_whole(tokenizer, texts, tokenized).numpy())
    ends = dataset.task.label_kind.ends
    beyond = 0
    for row in cut:
        example = rows[row][2]
        read = _words_read(example, int(limits[row]))
        beyond += sum(end > read for end in ends(example.label))
    named = cut[: MOST_PLACES - len(found.places)]
    places = tuple((locate(rows[row][0], rows[row][1], part="text"),) for row in named)
    return replace(
        found,
        cut=found.cut + len(cut),
        beyond=found.beyond + beyond,
        places=found.places + places,
    )


def _words_read(example: Example, limit: int) -> int:
    """How many of its words begin before a byte of the text."""
    return sum(start < limit for start in word_starts(example.words))
