"""Measures how a task changed if its head stayed frozen while the shared encoder trained."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.tokenizer import TokenizedText
from mtl_keras.errors import InputError
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.vectors import unlike
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import outputs_by_text

EMBEDDINGS = "embeddings"  # no task can have this name
ROUNDING = 1e-6  # relative; vectors that vary less count as equal (float32)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A model's answers for one task, and the embeddings that they were made from.

    Args:
        task: the task.
        split: the split of the examples.
        metrics: as in `evaluate`, over these examples.
        predictions: class indices `(examples,)`, or those of all words `(words,)`; for multilabel
            bool `(examples, classes)`; for regression the numbers `(examples,)`.
        embeddings: float32, what the task's head reads: sentence embeddings `(examples, hidden)`,
            or the vectors of the words' first pieces `(words, hidden)`, without truncated words.
    """

    task: Task
    split: str
    metrics: Mapping[str, float | None]
    predictions: np.ndarray
    embeddings: np.ndarray

    @classmethod
    def of(
        cls,
        model: MultiTaskModel,
        dataset: TaskDataset,
        split: str = "validation",
        limit: int = 1000,
        *,
        batch_size: int = 32,
    ) -> "Snapshot":
        """A snapshot of the model in its current state, in one pass of the encoder.

        Args:
            model: a model that has the dataset's task.
            dataset: the task's files.
            split: `train`, `validation` or `test`.
            limit: how many examples to take from the start of the split.
            batch_size: texts per forward pass.

        Raises:
            InputError: the model lacks the task, the dataset lacks the split, or the limit is
                below 1.
        """
        task, kind = dataset.task, kind_of(dataset.task)
        _check(model, task, limit)
        chunk = next(iter(dataset.stream(split, limit)))
        tokenized = model.encoder.tokenizer(chunk["text"])
        outputs, vectors = _outputs_and_vectors(model, task, tokenized, batch_size)
        labels, answers = kind.reads.by_example(chunk, tokenized, outputs)
        embeddings, _ = kind.reads.training_rows(chunk, tokenized, vectors)
        return cls(
            task=task,
            split=split,
            metrics=kind.measured(task, [(labels, answers)]),
            predictions=kind.reads.joined([kind.decided(answer) for answer in answers]),
            embeddings=embeddings.astype(np.float32),
        )


def drift(before: Snapshot, after: Snapshot) -> dict:
    """How far a task's answers and embeddings have moved between two snapshots.

    Args:
        before: an earlier snapshot of a model.
        after: a later one, over the same examples.

    Returns:
        `metric`, its name; `metric_before`, `metric_after`; `flipped`, the share of examples
        (or words) whose prediction changed, None for regression; `cka` and `cosine` of the
        embeddings (`linear_cka`, `mean_cosine`).

    Raises:
        InputError: the snapshots are not of the same examples.
    """
    _check_alike(before, after)
    metric = before.task.metric
    return {
        "metric": metric,
        "metric_before": before.metrics[metric],
        "metric_after": after.metrics[metric],
        "flipped": _flipped(before, after),
        "cka": linear_cka(before.embeddings, after.embeddings),
        "cosine": mean_cosine(before.embeddings, after.embeddings),
    }


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear centred kernel alignment of two representations of the same rows, in [0, 1].

    `‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖)`, with Frobenius norms, and X and Y centred by column (Kornblith et
    al., 2019, "Similarity of neural network representations revisited", eq. 4). Rotating, scaling
    or shifting either representation does not change it. If all rows of one are equal it is 0; if
    all rows of both are, it is 1.

    Args:
        first: `(rows, columns)`.
        second: `(rows, columns)`, with any number of columns.

    Example:

    >>> first = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 5.0]])
    >>> round(linear_cka(first, -3 * first[:, ::-1] + 1), 6)
    1.0
    """
    x, y = _centred(first), _centred(second)
    if not x.any() or not y.any():
        return float(x.any() == y.any())
    alignment = np.sum((x.T @ y) ** 2)
    return float(min(alignment / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)), 1.0))


def mean_cosine(first: np.ndarray, second: np.ndarray) -> float:
    """The mean cosine between two representations of each row, in [-1, 1].

    A row that is zero in one counts as 0, and in both as 1. Without rows the mean is 1.

    Args:
        first: `(rows, columns)`.
        second: of the same shape.

    Example:

    >>> mean_cosine(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0], [1.0, 0.0]]))
    0.5
    """
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    lengths, others = np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1)
    both_zero = ((lengths == 0) & (others == 0)).astype(float)
    products = lengths * others
    cosines = np.divide(np.sum(x * y, axis=1), products, out=both_zero, where=products > 0)
    return float(np.clip(cosines, -1.0, 1.0).mean()) if len(cosines) else 1.0


def _check(model: MultiTaskModel, task: Task, limit: int) -> None:
    if task.name not in model.tasks:
        raise InputError(
            f"snapshot: there is no task {task.name!r}; there are {', '.join(model.tasks)}"
        )
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise InputError(f"snapshot: limit must be a whole number from 1. Received: {limit!r}")


def _outputs_and_vectors(
    model: MultiTaskModel, task: Task, tokenized: TokenizedText, batch_size: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The outputs and the inputs of the task's head: one array per text."""
    vectors = model.get_layer(f"{task.name}_head").input
    network = keras.Model(model.input, {task.name: model.output[task.name], EMBEDDINGS: vectors})
    names = list(network.output)
    of_pieces = names if task.label_kind.per_word else ()
    forward = ForwardPass(network)
    outputs = outputs_by_text(forward, names, tokenized, of_pieces, batch_size=batch_size)
    return outputs[task.name], outputs[EMBEDDINGS]


def _check_alike(before: Snapshot, after: Snapshot) -> None:
    def described(snapshot: Snapshot) -> str:
        shape = snapshot.embeddings.shape
        rows = f"{len(snapshot.predictions)} predictions, embeddings {shape}"
        return f"{snapshot.task.name!r} on {snapshot.split}, {rows}"

    if described(before) != described(after):
        raise InputError(
            "drift compares snapshots of one task on the same examples. "
            f"Received: {described(before)}; and {described(after)}"
        )


def _flipped(before: Snapshot, after: Snapshot) -> float | None:
    if not before.task.label_kind.has_labels:
        return None
    return float(unlike(before.predictions, after.predictions).mean())


def _centred(rows: np.ndarray) -> np.ndarray:
    """The rows, centred by column; all zeros if they vary by no more than rounding."""
    x = np.asarray(rows, np.float64)
    centred = x - (x.mean(axis=0) if len(x) else 0.0)
    return centred if np.linalg.norm(centred) > ROUNDING * np.linalg.norm(x) else 0.0 * centred
