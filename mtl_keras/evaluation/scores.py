"""What a model scores on a split of a task's files."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.metrics import f1_score

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset, row_errors
from mtl_keras.encoders.tokenizers.wordpiece import TokenizedText, align_labels
from mtl_keras.evaluation.intervals import contributions, interval
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import Forward, LookUp, spans, task_outputs

CHUNK = 2048
SMALLEST = 1e-7


def evaluate(
    model: MultiTaskModel,
    dataset: TaskDataset,
    split: str = "test",
    *,
    batch_size: int = 32,
    features: LookUp | None = None,
    forward: Forward | None = None,
) -> dict:
    """A task's metrics on a split, over every example in it.

    Args:
        model: a model that has the dataset's task.
        dataset: the task's files.
        split: `train`, `validation` or `test`.
        batch_size: texts a pass.
        features: `FeatureCache.look_up()` of this model, where the split's texts are in it.
        forward: computes the outputs in the model's place, as a `ForwardPass`.

    Returns:
        `examples` and `loss`, with
        classification `accuracy`, `macro_f1` (over the task's labels);
        multilabel `micro_f1`, `macro_f1` (threshold 0.5);
        regression `mae`, `rmse`;
        tagging `span_f1`, `precision`, `recall`: spans count where type, start and end are
        right (`conlleval`); words cut off at `max_length` count as found to be outside;
        and `low`, `high`, the 95% interval of `dataset.task.metric` (`evaluation.intervals`).

    Raises:
        InputError: the dataset has no such split.
    """
    dataset.check_split(split)
    contributed: list[np.ndarray] = []
    sizes: list[int] = []

    def chunks() -> Iterator[tuple[list, list]]:
        passes = {"batch_size": batch_size, "features": features, "forward": forward}
        for labels, outputs in _predicted(model, dataset, split, **passes):
            contributed.append(contributions(dataset.task, labels, outputs))
            sizes.append(len(labels))
            yield labels, outputs

    measured = measure(dataset.task, chunks())
    metrics = {"examples": sum(sizes)} | measured
    low, high = interval(np.concatenate(contributed))
    return metrics | {"low": low, "high": high}


def evaluate_all(
    model: MultiTaskModel,
    datasets: Mapping[str, TaskDataset],
    split: str,
    features: LookUp | None = None,
) -> dict[str, dict]:
    """Task name → its metrics (see `evaluate`), for the tasks that have this split."""
    with row_errors(datasets.values()):
        return {
            name: evaluate(model, dataset, split, features=features)
            for name, dataset in datasets.items()
            if split in dataset.splits
        }


def measure(task: Task, chunks: Iterable[tuple[list, list]]) -> dict:
    """A task's metrics, as in `evaluate`, over labels and outputs as `by_example` gives them."""
    of_kind = {
        "classification": _classification,
        "multilabel": _multilabel,
        "regression": _regression,
        "tagging": _tagging,
    }[task.kind]
    return of_kind(chunks)


def by_example(
    task: Task, chunk: Mapping, tokenized: TokenizedText, outputs: list[np.ndarray]
) -> tuple[list, list[np.ndarray]]:
    """Labels and outputs of a chunk's examples, in order; of tagging a row for each word.

    Args:
        task: the task.
        chunk: an element of `TaskDataset.stream`.
        tokenized: the chunk's texts.
        outputs: the head's outputs, an array a text; of tagging a row for each word piece.
    """
    if task.kind != "tagging":
        return list(chunk["label"].numpy()), outputs
    labels = chunk["label"].to_list()
    _, first = align_labels(tokenized, chunk["word_starts"], chunk["label"])
    words = _words_of_pieces(tokenized.starts, chunk["word_starts"])
    rows = zip(outputs, first.to_list(), words, labels, strict=True)
    return labels, [_by_word(output, begins, word, len(row)) for output, begins, word, row in rows]


def _predicted(
    model: MultiTaskModel,
    dataset: TaskDataset,
    split: str,
    **passes: Any,
) -> Iterator[tuple[list, list]]:
    task = dataset.task
    for chunk in dataset.stream(split, CHUNK):
        tokenized = model.encoder.tokenizer(chunk["text"])
        found = task_outputs(model, tokenized, **passes)
        outputs = found[task.name]
        yield by_example(task, chunk, tokenized, outputs)


def _words_of_pieces(starts: tf.RaggedTensor, word_starts: tf.RaggedTensor) -> list[np.ndarray]:
    rows = zip(starts.to_list(), word_starts.to_list(), strict=True)
    return [np.searchsorted(words, pieces, side="right") - 1 for pieces, words in rows]


def _by_word(output, begins, word, count: int) -> np.ndarray:
    """Class probabilities a word, `(count, classes)`; `O` for words that have no piece."""
    begins = np.asarray(begins, bool)
    rows = np.zeros((count, output.shape[-1]), np.float32)
    rows[:, 0] = 1.0
    rows[word[begins]] = output[begins]
    return rows


def _classification(chunks: Iterable[tuple[list, list]]) -> dict:
    labels, scores = _stacked(chunks)
    found = scores.argmax(-1)
    macro = f1_score(
        labels, found, labels=np.arange(scores.shape[-1]), average="macro", zero_division=0.0
    )
    return {
        "accuracy": float(np.mean(found == labels)),
        "macro_f1": float(macro),
        "loss": float(np.mean(_surprise(scores[np.arange(len(labels)), labels]))),
    }


def _multilabel(chunks: Iterable[tuple[list, list]]) -> dict:
    labels, scores = _stacked(chunks)
    averages = {
        f"{average}_f1": float(f1_score(labels, scores > 0.5, average=average, zero_division=0.0))
        for average in ("micro", "macro")
    }
    right = np.where(labels > 0, scores, 1 - scores)
    return averages | {"loss": float(np.mean(_surprise(right)))}


def _regression(chunks: Iterable[tuple[list, list]]) -> dict:
    labels, values = _stacked(chunks)
    error = values - labels
    squared = float(np.mean(error**2))
    return {"mae": float(np.mean(np.abs(error))), "rmse": squared**0.5, "loss": squared}


def _tagging(chunks: Iterable[tuple[list, list]]) -> dict:
    matched = predicted = actual = words = 0
    surprise = 0.0
    for labels, outputs in chunks:
        for row, output in zip(labels, outputs, strict=True):
            true, found = set(spans(row)), set(spans(output.argmax(-1)))
            matched += len(true & found)
            predicted += len(found)
            actual += len(true)
            words += len(row)
            surprise += float(np.sum(_surprise(output[np.arange(len(row)), row])))
    return {
        "span_f1": _ratio(2 * matched, predicted + actual),
        "precision": _ratio(matched, predicted),
        "recall": _ratio(matched, actual),
        "loss": _ratio(surprise, words),
    }


def _stacked(chunks: Iterable[tuple[list, list]]) -> tuple[np.ndarray, np.ndarray]:
    stacked = [(np.array(labels), np.array(outputs)) for labels, outputs in chunks]
    labels, outputs = zip(*stacked, strict=True)
    return np.concatenate(labels), np.concatenate(outputs)


def _surprise(probabilities: np.ndarray) -> np.ndarray:
    """Minus the log of the probability of what is right."""
    return -np.log(np.maximum(probabilities, SMALLEST))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
