"""The base class of kinds: heads, losses, metrics and answers in tensors and NumPy."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.constant_answers import ConstantAnswer
from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.judgements import Judgement
from mtl_keras.models.kinds.links import Link
from mtl_keras.models.kinds.vectors import Vectors

# Labels and outputs of some examples, as `Vectors.by_example` gives them.
Scored = tuple[Sequence, Sequence[np.ndarray]]


class WordsOfText(NamedTuple):
    """The words of one text, `(words,)` each: first piece, and the bytes that the word covers."""

    first_piece: np.ndarray
    starts: np.ndarray
    limits: np.ndarray


class TaskKind(abc.ABC):
    """The value of a kind. Other modules never compare a kind's name: they ask this value.

    The properties that need no tensors are in its `LabelKind`.

    Attributes:
        name: as recipes have it.
        reads: the vectors that the head reads.
        link: from the head's dense layer to its outputs.
        not_served: metrics of `measured` that answers do not give (`served_outputs`).
    """

    name: ClassVar[str]
    reads: ClassVar[Vectors]
    link: ClassVar[Link]
    not_served: ClassVar[tuple[str, ...]] = ()

    def head_outputs(self, activations: tf.Tensor) -> tf.Tensor:
        """Maps the dense layer's activations `(…, classes)` to the shape of the head's outputs."""
        return activations

    def in_units(self, task: Task, outputs: tf.Tensor) -> tf.Tensor:
        """Converts the outputs of `head_outputs` to the units of the labels (`Task.scale`)."""
        return outputs

    def of_units(
        self, task: Task, kernel: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the dense layer whose head answers as this linear layer in label units does.

        Args:
            task: what is predicted.
            kernel: `(hidden, outputs)`.
            bias: `(outputs,)`.
        """
        return kernel, bias

    @abc.abstractmethod
    def targets(self, labels: np.ndarray, num_outputs: int) -> np.ndarray:
        """Returns the outputs of perfect answers, `(rows, outputs)`, float32.

        Args:
            labels: of texts, or of words, `(rows, …)`.
            num_outputs: of the task.
        """

    @abc.abstractmethod
    def loss(self, task: Task) -> keras.losses.Loss:
        """Returns the unreduced loss: labels, outputs → `(batch,)`, of words `(batch, length)`.

        If the outputs are Keras's own softmax or sigmoid, Keras computes from the logits
        behind them, so that a confident mistake keeps its gradient.
        """

    def answerable(
        self, labels: tf.Tensor, weights: tf.Tensor, outputs: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns labels and weights for the loss; labels that training lacks get weight 0.

        Args:
            labels: class indices, those beyond the outputs' classes are such labels.
            weights: of the same shape.
            outputs: of the head, `(…, classes)`.
        """
        has_output = labels < tf.cast(tf.shape(outputs)[-1], labels.dtype)
        return tf.where(has_output, labels, tf.zeros_like(labels)), tf.where(
            has_output, weights, 0.0
        )

    @abc.abstractmethod
    def training_metric(self) -> keras.metrics.Metric:
        """Returns the judging metric as a Keras metric, which bears the metric's name."""

    @abc.abstractmethod
    def divergence(
        self, task: Task, target: tf.Tensor, output: tf.Tensor, temperature: float
    ) -> tf.Tensor:
        """Returns the unreduced divergence of outputs from a teacher's (`plans.protection`).

        Args:
            task: what is predicted.
            target: the teacher's outputs.
            output: of the same shape.
            temperature: softens distributions over classes.
        """

    @abc.abstractmethod
    def graph_answer(self, task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
        """Returns the answers to a batch in the graph: dense tensors with a row per text.

        Args:
            task: what was predicted.
            outputs: of the head, float32.
            words: of the batch's texts.
        """

    @abc.abstractmethod
    def answer(self, task: Task, text: str, outputs: np.ndarray, words: WordsOfText) -> Any:
        """Returns the answer to a text as values that JSON can hold.

        Args:
            task: what was predicted.
            text: the text.
            outputs: of the head, for this text.
            words: of the text.
        """

    @abc.abstractmethod
    def served_outputs(
        self, task: Task, answer: Any, text: str, word_starts: Sequence[int]
    ) -> np.ndarray:
        """Returns outputs that have the decisions and scores of an answer: undoes `answer`.

        An answer says less than a head: the metrics in `not_served` mean nothing of these outputs.

        Args:
            task: what was predicted.
            answer: as `answer` returns it.
            text: that was answered.
            word_starts: the first character of each word of the example; outputs have a row each.
        """

    @abc.abstractmethod
    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the decision of a text's outputs: a class, a set of classes, a class per word."""

    @abc.abstractmethod
    def measured(self, task: Task, chunks: Iterable[Scored]) -> dict[str, Any]:
        """Returns all metrics over some examples, first the judging one, last the loss.

        `ece` is the expected calibration error (`kinds.calibration`) of the kind's predictions;
        None if they have no probabilities.

        A metric that is undefined is None. `notes`, if present, is metric → a clause that says why
        it is undefined or over which labels it is.

        Args:
            task: what was predicted.
            chunks: labels and outputs of the examples.
        """

    @abc.abstractmethod
    def contribution(self, label: Any, outputs: np.ndarray) -> tuple[float, float]:
        """Returns what an example adds to the two sums whose ratio is the judging metric."""

    @abc.abstractmethod
    def judged(self, names: Sequence[str], label: Any, outputs: np.ndarray) -> list[Judgement]:
        """Returns the judgements of an example: what was right, and what was answered.

        Args:
            names: of the labels, those that training lacks after the task's.
            label: of the example, as `Vectors.by_example` gives it.
            outputs: of the head, for this example.
        """

    @abc.abstractmethod
    def confidences(self, label: Any, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the probabilities by which an example is answered, and which answers are right.

        Args:
            label: of the example, as `Vectors.by_example` gives it.
            outputs: of the head, for this example.

        Returns:
            Both `(predictions,)`, the predictions of `ece`; empty if the kind has none.
        """

    def constant_row(self, task: Task, answer: ConstantAnswer) -> np.ndarray:
        """Returns the outputs of a head that always answers so, of a text or of a word."""
        row = np.zeros(task.num_outputs, np.float32)  # (labels,)
        row[[task.labels.index(label) for label in answer.labels]] = 1.0
        return row

    @abc.abstractmethod
    def probe(self, labels: np.ndarray) -> Any:
        """Returns an untrained linear model of scikit-learn for the head's task.

        Args:
            labels: that it will be trained on, `(rows, …)`.
        """

    @abc.abstractmethod
    def probe_outputs(self, task: Task, probe: Any, rows: np.ndarray) -> np.ndarray:
        """Returns a trained probe's outputs, one row per input row, in the form of the head's.

        Args:
            task: what it predicts.
            probe: of `probe()`, trained.
            rows: of texts, or of words: what the probe takes, `(rows, …)`.
        """


def by_label(task: Task, probabilities: np.ndarray) -> dict[str, float]:
    """Returns label → probability as Python floats."""
    return dict(zip(task.labels, map(float, probabilities), strict=True))


def noted(metrics: dict[str, Any], notes: Mapping[str, str]) -> dict[str, Any]:
    """Returns the metrics, and under `notes` the notes that are not empty, if any."""
    notes = {name: note for name, note in notes.items() if note}
    return metrics | ({"notes": notes} if notes else {})


def stacked(chunks: Iterable[Scored]) -> tuple[np.ndarray, np.ndarray]:
    """Concatenates the chunks' labels `(examples, …)` and outputs `(examples, …)`."""
    arrays = [(np.array(labels), np.array(outputs)) for labels, outputs in chunks]
    labels, outputs = zip(*arrays, strict=True)
    return np.concatenate(labels), np.concatenate(outputs)
