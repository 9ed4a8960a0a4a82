"""The rows of a split that heads read: the encoder's vectors at some levels, one per label."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from mtl_keras.data.levels import MIX
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.levels import vectors_at
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText
from mtl_keras.errors import InputError
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.models.kinds.vectors import Chunk
from mtl_keras.models.prediction import outputs_by_text
from mtl_keras.training.solving.mixing import mixed

BATCH_SIZE = 32
CHUNK = 256  # texts whose vectors at all levels are held at once
ROWS_BUDGET = 2**30  # bytes that the rows of a split may take; more are left out


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a split's texts.

    Args:
        chunk: as `TaskDataset.stream` gives it.
        tokenized: its texts.
        positions: of the rows among all vectors of these texts, `(rows,)`.
        size: how many vectors these texts have.
    """

    chunk: Chunk
    tokenized: TokenizedText
    positions: np.ndarray
    size: int


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a split.

    Args:
        task: whose labels they have.
        levels: level → vectors, `(rows, hidden)`, float32.
        labels: `(rows, …)`.
        texts: the text of each row, `(rows,)`, from 0.
        parts: where the rows come from.
    """

    task: Task
    levels: Mapping[str, np.ndarray]
    labels: np.ndarray
    texts: np.ndarray
    parts: Sequence[Part]

    @classmethod
    def of(
        cls,
        encoder: TextEncoder,
        dataset: TaskDataset,
        split: str,
        levels: Sequence[str],
        *,
        seed: int = 0,
        budget: int = ROWS_BUDGET,
    ) -> "Rows":
        """Computes the rows of a task's split.

        They are in a shuffled order, and end when they take as much as the budget allows.

        Args:
            encoder: makes the vectors.
            dataset: of the task.
            split: of it.
            levels: of the encoder.
            seed: of the order.
            budget: bytes that the rows may take.

        Raises:
            InputError: a vector that is not finite.
        """
        task = dataset.task
        reads, encode = kind_of(task).reads, _encoding(encoder, task, levels)
        row_size = len(levels) * encoder.config.hidden_dim * np.dtype(np.float32).itemsize
        vectors: dict[str, list[np.ndarray]] = {level: [] for level in levels}
        parts, labels, texts, count = [], [], [], 0
        for chunk in dataset.stream(split, CHUNK, seed=seed):
            tokenized = encoder.tokenizer(chunk["text"])
            positions, of_chunk, labels_of_chunk = reads.counted(chunk, tokenized)
            flat = {level: reads.joined(by_text) for level, by_text in encode(tokenized).items()}
            for level in levels:
                vectors[level].append(flat[level][positions])
            parts.append(Part(chunk, tokenized, positions, len(flat[levels[0]])))
            labels.append(labels_of_chunk)
            texts.append(of_chunk + count)
            count += len(chunk["text"])
            if sum(map(len, labels)) * row_size >= budget:
                break
        of_levels = {level: np.concatenate(of_parts) for level, of_parts in vectors.items()}
        _check_finite(task, of_levels)
        return cls(task, of_levels, np.concatenate(labels), np.concatenate(texts), parts)

    def beginning(self, most: int) -> "Rows":
        """Returns the rows of the first parts, as many as have no more than `most`; at least one.

        Rows are in a shuffled order, so these are a sample.
        """
        sizes = np.cumsum([len(part.positions) for part in self.parts])
        parts = max(1, int(np.searchsorted(sizes, most, side="right")))
        count = int(sizes[parts - 1])
        return dataclasses.replace(
            self,
            levels={level: vectors[:count] for level, vectors in self.levels.items()},
            labels=self.labels[:count],
            texts=self.texts[:count],
            parts=self.parts[:parts],
        )

    def mixed(self) -> "Rows":
        """Returns these rows with a further level `mix`: the mean of the levels."""
        mean = mixed(list(self.levels.values()), np.zeros(len(self.levels)))
        return dataclasses.replace(self, levels={**self.levels, MIX: mean})

    def targets(self) -> np.ndarray:
        """Returns the outputs of right answers, `(rows, outputs)`."""
        return kind_of(self.task).targets(self.labels, self.task.num_outputs)

    def scored(self, outputs: np.ndarray) -> Iterator[Scored]:
        """Yields labels and outputs by example, part by part, from outputs `(rows, outputs)`."""
        kind, start = kind_of(self.task), 0
        for part in self.parts:
            of_all = np.zeros((part.size, outputs.shape[-1]), np.float32)
            of_all[part.positions] = outputs[start : start + len(part.positions)]
            start += len(part.positions)
            by_text = kind.reads.by_text(np.asarray(kind.head_outputs(of_all)), part.tokenized)
            yield kind.reads.by_example(part.chunk, part.tokenized, by_text)


def _encoding(
    encoder: TextEncoder, task: Task, levels: Sequence[str]
) -> Callable[[TokenizedText], dict[str, list[np.ndarray]]]:
    """Returns a function from tokenized texts to level → an array of vectors per text."""
    output = kind_of(task).reads.output
    network = keras.Model(
        encoder.transformer.input, {level: vectors_at(encoder, level)[output] for level in levels}
    )
    forward = ForwardPass(network)
    of_pieces = levels if task.label_kind.per_word else ()
    return lambda tokenized: outputs_by_text(
        forward, levels, tokenized, of_pieces, batch_size=BATCH_SIZE
    )


def _check_finite(task: Task, levels: Mapping[str, np.ndarray]) -> None:
    for level, vectors in levels.items():
        if not np.isfinite(vectors).all():
            raise InputError(
                f"task {task.name!r}: the encoder's vectors at {level} are not all finite numbers, "
                "so that no head can learn from them; check the encoder's weights"
            )
