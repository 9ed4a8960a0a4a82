"""Diagnoses a loss that is not finite: the task, the rows of its batch, and the likely cause."""

import math
from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from mtl_keras.data.file_formats import locate
from mtl_keras.data.split_sources import Source
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.chunks import chunks
from mtl_keras.encoders.tokenizers.wordpiece import Tokenizer
from mtl_keras.errors import DivergedError
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.stage_setup import StageSetup

CHUNK = 4096  # texts read at once
SHOWN = 8  # rows
LARGE = 1e3  # of a number that a regression should learn


def give_up(setup: StageSetup, progress: Progress, logs: Mapping[str, float]) -> NoReturn:
    """Ends a training whose loss is not finite; its last checkpoint stays.

    Args:
        setup: setup of the stage that trains.
        progress: progress of the stage; the step that failed comes next.
        logs: values measured in the epoch, this step included.

    Raises:
        DivergedError: always; it names the step, the task's rows and the likely cause.
    """
    model, datasets = setup.materials.model, setup.materials.datasets
    setup.batches.begin_epoch(progress.epoch)
    batch = next(iter(setup.batches_from(progress).take(1)))
    losses = {name: logs[f"{name}_loss"] for name in model.tasks}
    cause = explain(batch, losses, datasets, model.encoder.tokenizer, model.optimizer.rates)
    raise DivergedError(f"after {progress} the loss was {logs['loss']}, {cause}")


def explain(
    batch: tuple,
    losses: Mapping[str, float],
    datasets: Mapping[str, TaskDataset],
    tokenizer: Tokenizer,
    rates: Mapping[str, float],
) -> str:
    """Explains which tasks and rows made a step's loss not finite, and why.

    Args:
        batch: the step's `(x, labels, weights)`, as `interleave` merges them.
        losses: task → its mean loss of the epoch, this step included.
        datasets: task → its files.
        tokenizer: the tokenizer of the texts.
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
        rows += [locate(path, line) for path, line in places(datasets[name], tokenizer, ids)]
    largest = max(_largest(datasets[name].task, labels[name].numpy()) for name in tasks)
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    shown = ", ".join(rows[:SHOWN]) + more
    return f"of {' and '.join(tasks)}, rows {shown}; {_cause(largest, rates)}"


def places(
    dataset: TaskDataset, tokenizer: Tokenizer, texts: Sequence[bytes]
) -> list[tuple[Source, int]]:
    """Returns file and line of the training texts that have these word pieces."""
    wanted, matches = set(texts), []
    rows = dataset.placed_examples("train")
    for chunk in chunks(rows, CHUNK, lambda row: len(row[2].text)):
        pieces = tokenizer([example.text for _, _, example in chunk]).token_ids
        for (path, line, _), ids in zip(chunk, pieces, strict=True):
            if ids.numpy().tobytes() in wanted:
                matches.append((path, line))
    return matches


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
