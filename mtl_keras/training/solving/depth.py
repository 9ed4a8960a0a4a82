"""How well a task can be predicted from each level of an encoder."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from mtl_keras.data.levels import AUTO
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.levels import levels_of
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import score_answers
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.training.solving.linear import one_thread
from mtl_keras.training.solving.rows import ROWS_BUDGET, Rows
from mtl_keras.training.solving.selection import Solution, solve_level


def heads_by_depth(encoder: TextEncoder, dataset: TaskDataset, *, seed: int = 0) -> list[Solution]:
    """Solves a head on every level of an encoder, the embeddings included, lowest first.

    Alain & Bengio, 2017, "Understanding intermediate layers using linear classifier probes".

    Args:
        encoder: it does not change.
        dataset: of the task; training texts are fitted, validation texts judge.
        seed: of folds and order.

    Raises:
        InputError: the task has no validation split; all its examples have one label.
    """
    if "validation" not in dataset.splits:
        raise InputError(
            f"task {dataset.task.name!r}: reads: auto needs validation examples to choose by; "
            "give validation files, or a level"
        )
    levels = levels_of(encoder)
    train, validation = (
        Rows.of(encoder, dataset, split, levels, seed=seed, budget=ROWS_BUDGET)
        for split in ("train", "validation")
    )
    return solve_levels(train, validation, levels, seed=seed)


def solve_levels(
    train: Rows, validation: Rows, levels: Sequence[str], *, seed: int
) -> list[Solution]:
    """Solves a head on each level of these rows, as many at once as there are cores."""
    solve = functools.partial(solve_level, train, validation, seed=seed)
    with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(solve, levels))


def chosen_levels(
    encoder: TextEncoder,
    datasets: Mapping[str, TaskDataset],
    *,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, list[Solution]]:
    """Solves heads on every level for each task that leaves its level open (`reads: auto`).

    Args:
        encoder: as of `heads_by_depth`.
        datasets: task → its files.
        seed: as of `heads_by_depth`.
        report: receives a line per task: the best level, and the scores of the others.

    Returns:
        Task → its solutions, lowest level first.
    """
    solutions = {}
    for name, dataset in datasets.items():
        if dataset.task.reads == AUTO:
            solutions[name] = heads_by_depth(encoder, dataset, seed=seed)
            report(_in_words(dataset.task, solutions[name]))
    return solutions


def best_block(solutions: list[Solution], task: Task) -> str:
    """Returns the block whose head is best, one of its own if the task has any; of equal ones the
    lowest.
    """
    blocks = solutions[-task.own_blocks.k :] if task.own_blocks else solutions[1:]
    return max(blocks, key=lambda solution: solution.rank).level


def depth_record(
    solutions: Mapping[str, list[Solution]], datasets: Mapping[str, TaskDataset]
) -> dict[str, dict]:
    """Returns a run's record of `chosen_levels`: task → its level, and every level's score."""
    return {
        name: {
            "reads": best_block(of_task, datasets[name].task),
            "levels": [solution.to_json() for solution in of_task],
        }
        for name, of_task in solutions.items()
    }


def scored_depth(
    encoder: TextEncoder, datasets: Mapping[str, TaskDataset], split: str, *, seed: int = 0
) -> dict[str, dict]:
    """Scores a solved head on each level on a split, for every task.

    Args:
        encoder: as of `heads_by_depth`.
        datasets: task → its files.
        split: the split to score: as many of its texts as `ROWS_BUDGET` holds vectors of.
        seed: as of `heads_by_depth`.

    Returns:
        Task → `metric`; `reads`, the best block; `levels`, lowest first: `Solution.to_json` with
        `scored`: the metric's `value`, and `low` and `high`, its 95% interval over the examples.
    """
    depth = {}
    for name, dataset in datasets.items():
        solutions = heads_by_depth(encoder, dataset, seed=seed)
        rows = Rows.of(encoder, dataset, split, levels_of(encoder), seed=seed)
        levels = [head.to_json() | {"scored": _scored(head, rows)} for head in solutions]
        metric, reads = dataset.task.metric, best_block(solutions, dataset.task)
        depth[name] = {"metric": metric, "reads": reads, "levels": levels}
    return depth


def _scored(solution: Solution, rows: Rows) -> dict[str, float | None]:
    task = rows.task
    outputs = kind_of(task).link.outputs(solution.head(rows.levels[solution.level]))
    metrics = score_answers(task, rows.scored(outputs)).metrics
    return {"value": metrics[task.metric], "low": metrics["low"], "high": metrics["high"]}


def _in_words(task: Task, solutions: list[Solution]) -> str:
    metric = task.metric
    scores = ", ".join(f"{solution.level} {solution.figure(metric)}" for solution in solutions)
    return f"{task.name} reads {best_block(solutions, task)}; {metric} by level: {scores}"
