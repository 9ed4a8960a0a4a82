"""Finds texts that are longer than an encoder reads, and labels beyond that length."""

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
MOST_TEXTS = 200_000  # of a split that are checked: about ten seconds
MOST_PLACES = 3  # that are reported
MOST_SPECIAL = 3  # special pieces, which stand for no character


@dataclass(frozen=True)
class Cuts:
    """How much of a split an encoder does not read.

    Args:
        texts: number of texts that were checked.
        cut: number of texts that are truncated.
        marks: number of labelled spans or words in the texts; 0 if whole texts are labelled.
        beyond: number of marks with a word that is not read.
        places: `file:line` of the first truncated texts.
    """

    texts: int = 0
    cut: int = 0
    marks: int = 0
    beyond: int = 0
    places: tuple[tuple[str, ...], ...] = ()


def cuts(dataset: TaskDataset, split: str, tokenizer: Tokenizer) -> Cuts:
    """Checks the first 200,000 texts of a split. Tokenizes only those that may be too long.

    Raises:
        InputError: a row does not fit the format or the kind.
    """
    total, ends = Cuts(), dataset.task.label_kind.ends
    rows = itertools.islice(dataset.placed_examples(split), MOST_TEXTS)
    while chunk := list(itertools.islice(rows, CHUNK)):
        long = [row for row in chunk if _may_be_cut(row[2].text, tokenizer.max_length)]
        marks = sum(len(ends(example.label)) for _, _, example in chunk)
        total = replace(total, texts=total.texts + len(chunk), marks=total.marks + marks)
        if long:
            total = _with_cut(total, dataset, long, tokenizer)
    return total


def _may_be_cut(text: str, max_length: int) -> bool:
    """Whether a text may have too many pieces. ASCII has at most one piece per character."""
    return not text.isascii() or len(text) + MOST_SPECIAL > max_length


def _with_cut(total: Cuts, dataset: TaskDataset, rows: list[Placed], tokenizer: Tokenizer) -> Cuts:
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
    named = cut[: MOST_PLACES - len(total.places)]
    places = tuple((locate(rows[row][0], rows[row][1], part="text"),) for row in named)
    return replace(
        total,
        cut=total.cut + len(cut),
        beyond=total.beyond + beyond,
        places=total.places + places,
    )


def _words_read(example: Example, limit: int) -> int:
    """How many words of an example begin before a byte offset of the text."""
    return sum(start < limit for start in word_starts(example.words))
