"""Why training broke down: the task, the rows of its batch, and what is likely behind it."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

CHUNK = 4096  # texts read at once
SHOWN = 8  # rows
LARGE = 1e3  # of a number that a regression should learn


def explain(
    batch: tuple,
    losses: Mapping[str, float],
    datasets: Mapping[str, TaskDataset],
    tokenizer: WordpieceTokenizer,
    rates: Mapping[str, float],
) -> str:
    """What to tell of a step whose loss was no finite number.

    Args:
        batch: the step's `(x, labels, weights)`, as `interleave` merges them.
        losses: task → its mean loss of the epoch, this step included.
        datasets: task → its files.
        tokenizer: which cut the texts.
        rates: layer → learning rate.

    Returns:
        The tasks, their rows in the files, and the likely cause with its cure.
    """
    x, labels, weights = batch
    present = [name for name, weight in weights.items() if np.any(weight.numpy())]
    broken = [name for name in present if not math.isfinite(losses.get(name, math.nan))]
    tasks = broken or present
    rows: list[str] = []
    for name in tasks:
        mine = weights[name].numpy().reshape(len(weights[name]), -1).any(axis=1)
        ids = _texts(x["token_ids"].numpy()[mine], x["padding_mask"].numpy()[mine])
        rows += [f"{path}:{line}" for path, line in places(datasets[name], tokenizer, ids)]
    largest = max(_largest(datasets[name].task, labels[name].numpy()) for name in tasks)
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    said = ", ".join(rows[:SHOWN]) + more
    return f"of {' and '.join(tasks)}, rows {said}; {_cause(largest, rates)}"


def places(
    dataset: TaskDataset, tokenizer: WordpieceTokenizer, texts: Sequence[bytes]
) -> list[tuple[str, int]]:
    """File and line of the training texts that have these word pieces."""
    wanted, found = set(texts), []
    rows = dataset.placed_examples("train")
    while chunk := list(itertools.islice(rows, CHUNK)):
        pieces = tokenizer([example.text for _, _, example in chunk]).token_ids
        for (path, line, _), ids in zip(chunk, pieces, strict=True):
            if ids.numpy().tobytes() in wanted:
                found.append((path, line))
    return found


def _texts(token_ids: np.ndarray, padding_mask: np.ndarray) -> list[bytes]:
    return [ids[mask].tobytes() for ids, mask in zip(token_ids, padding_mask, strict=True)]


def _largest(task: Task, labels: np.ndarray) -> float:
    return 0.0 if task.label_kind.has_labels else float(np.abs(labels).max())


def _cause(largest: float, rates: Mapping[str, float]) -> str:
    if largest > LARGE:
        return f"its numbers are as large as {largest:g}: scale them to about 1"
    highest = max(rates.values(), default=0.0)
    return (
        f"likely the learning rates are too high (up to {highest:g}): lower them, or let them rise "
        "with warmup"
    )
