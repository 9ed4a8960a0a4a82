"""Of which texts batches are made, so that what frozen layers compute of them can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

    from mtl_keras.data.task_dataset import TaskDataset
    from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class TextSource:
    """Where the texts of a task's batches come from.

    Args:
        dataset: the task's files.
        split: `train`, `validation` or `test`.
        tokenizer: that splits them into word pieces.
    """

    dataset: TaskDataset
    split: str
    tokenizer: Tokenizer


Sources = Mapping[str, TextSource]  # by task
_ATTRIBUTE = "_text_sources"  # of a dataset


def with_sources(batches: tf.data.Dataset, sources: Sources) -> tf.data.Dataset:
    """The same batches, of which `sources_of` returns these sources.

    What is made from them by `map`, `take` and the like has other batches, and no known sources.
    """
    setattr(batches, _ATTRIBUTE, sources)
    return batches


def sources_of(batches: object) -> Sources:
    """Task → the source of its texts; empty if the batches are not ours, or were changed since."""
    sources: Sources = getattr(batches, _ATTRIBUTE, {})
    return sources
