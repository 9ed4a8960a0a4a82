"""Features for linear models in place of a head: vectors of the encoder."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.encoders.levels import vectors_at
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText
from mtl_keras.models.heads import read_levels
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.models.kinds.vectors import Chunk
from mtl_keras.models.prediction import outputs_by_text

BATCH_SIZE = 32
FEATURES = "features"

OutputsOf = Callable[[np.ndarray], np.ndarray]  # rows → a trained model's output for each


class Reading(abc.ABC):
    """Turns a task's examples into rows: one per text, or one per word if words are labelled.

    Args:
        encoder: makes vectors, and is not changed.
        task: the task of the examples.

    Attributes:
        runs_encoder: whether the encoder's layers are run.
    """

    runs_encoder: ClassVar[bool] = False

    def __init__(self, encoder: TextEncoder, task: Task):
        self.encoder = encoder
        self.kind = kind_of(task)
        self.is_per_word = task.label_kind.per_word

    def estimator(self, labels: np.ndarray) -> Any:
        """A linear model of scikit-learn, untrained, for rows with these labels `(rows, …)`."""
        return self.kind.probe(labels)

    @abc.abstractmethod
    def training_rows(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        """Rows `(rows, …)` and labels `(rows, …)` of a chunk of `TaskDataset.stream`."""

    @abc.abstractmethod
    def scored(self, chunk: Chunk, outputs_of: OutputsOf) -> Scored:
        """Labels and outputs of a chunk's examples."""


class Vectors(Reading):
    """One vector per text or per word piece. A word's row is the vector of its first piece."""

    @abc.abstractmethod
    def vectors(self, chunk: Chunk, tokenized: TokenizedText) -> list[np.ndarray]:
        """One array per text: `(width,)`, or `(pieces, width)` if words are labelled."""

    def training_rows(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        tokenized = self.encoder.tokenizer(chunk["text"])
        vectors = self.vectors(chunk, tokenized)
        return self.kind.reads.training_rows(chunk, tokenized, vectors)

    def scored(self, chunk: Chunk, outputs_of: OutputsOf) -> Scored:
        reads, tokenized = self.kind.reads, self.encoder.tokenizer(chunk["text"])
        vectors = self.vectors(chunk, tokenized)
        outputs = reads.split(outputs_of(reads.joined(vectors)), vectors)
        return reads.by_example(chunk, tokenized, outputs)


class EncoderFeatures(Vectors):
    """What a head would read: sentence embeddings, or the vectors of the words' first pieces.

    They are taken at the level that the task reads, or at the last one if it mixes all levels.
    """

    runs_encoder = True

    def __init__(self, encoder: TextEncoder, task: Task):
        super().__init__(encoder, task)
        level = read_levels(encoder, [task])[task.name][-1]
        output = {FEATURES: vectors_at(encoder, level)[self.kind.reads.output]}
        self._forward = ForwardPass(keras.Model(encoder.transformer.input, output, name=FEATURES))

    def vectors(self, chunk: Chunk, tokenized: TokenizedText) -> list[np.ndarray]:
        of_pieces = (FEATURES,) if self.is_per_word else ()
        outputs = outputs_by_text(
            self._forward, [FEATURES], tokenized, of_pieces, batch_size=BATCH_SIZE
        )
        return outputs[FEATURES]


class StaticVectors(Vectors):
    """The mean vector of a text's or word's pieces in the encoder's token embedding table.

    No other part of the encoder is used: no positions, no norm, no block.
    """

    def __init__(self, encoder: TextEncoder, task: Task):
        super().__init__(encoder, task)
        self._table = _token_table(encoder)

    def vectors(self, chunk: Chunk, tokenized: TokenizedText) -> list[np.ndarray]:
        ids = tokenized.token_ids
        limits = ids.row_splits.numpy()[1:-1]
        pieces = np.split(self._table[ids.values.numpy()], limits)  # (pieces, width) per text
        return self.kind.reads.averaged(chunk, tokenized, pieces)


def _token_table(encoder: TextEncoder) -> np.ndarray:
    """The vector of each word piece, `(vocabulary, width)`, float32."""
    rows = encoder.config.vocabulary_size
    tables = (
        weight
        for layer in encoder.layer_groups["embeddings"]
        for weight in layer.weights
        if len(weight.shape) == 2 and weight.shape[0] == rows
    )
    return keras.ops.convert_to_numpy(next(tables)).astype(np.float32)
