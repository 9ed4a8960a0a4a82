"""The heads of a model, solved: each brought to its optimum while the encoder is frozen."""

from collections.abc import Callable, Iterable, Mapping

import keras
import numpy as np

from mtl_keras.data.levels import MIX
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution import replicas
from mtl_keras.distribution.strategies import Workers
from mtl_keras.models.heads import read_levels
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.training.solving.linear import one_thread
from mtl_keras.training.solving.mixing import MixProblem, mixed
from mtl_keras.training.solving.rows import Rows
from mtl_keras.training.solving.selection import (
    FINAL_STEPS,
    FINAL_TOLERANCE,
    Solution,
    solve_level,
)


def solve_heads(
    model: MultiTaskModel,
    datasets: Mapping[str, TaskDataset],
    tasks: Iterable[str],
    *,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Fits heads to their optimum on the encoder's vectors of the training texts.

    Features are scaled to mean 0 and deviation 1, and the scales folded into kernel and bias. The
    penalty of the kernel is chosen on held-out texts (`solve_level`). Only weights of these heads
    change.

    If several workers train together, the first one solves, and all receive its result.

    Args:
        model: the model with the heads.
        datasets: task → its dataset.
        tasks: the tasks whose heads are solved.
        seed: seed of folds and order.
        report: receives a line per task.

    Returns:
        Task → its loss on the training texts.

    Raises:
        InputError: a task whose examples all have one label; vectors that are not finite.
    """
    workers = Workers(model.distribute_strategy)
    losses = {}
    for name in tasks:
        variables = _variables(model, name)
        values = [np.zeros(variable.shape, np.float32) for variable in variables]
        loss = 0.0
        if workers.is_chief:
            with one_thread():
                values, loss = _solved(model, datasets[name], name, seed, report)
        for variable, value in zip(variables, values, strict=True):
            replicas.put(variable, workers.sum(value))
        losses[name] = float(workers.sum(np.array([loss]))[0])
    return losses


def _variables(model: MultiTaskModel, name: str) -> list[keras.Variable]:
    """Returns kernel and bias of a task's head, and the scores of its mix if it has one."""
    head, *mix = model.layer_groups.heads[name]
    return [head.dense.kernel, head.dense.bias, *(layer.scores for layer in mix)]


def _solved(
    model: MultiTaskModel,
    dataset: TaskDataset,
    name: str,
    seed: int,
    report: Callable[[str], None],
) -> tuple[list[np.ndarray], float]:
    """Returns solved values of `_variables`, and the loss on the training texts."""
    task = model.tasks[name]
    encoder = model.branches.encoder_of(name)
    levels = read_levels(encoder, [task])[name]
    train = Rows.of(encoder, dataset, "train", levels, seed=seed)
    validation = None
    if "validation" in dataset.splits:
        validation = Rows.of(encoder, dataset, "validation", levels, seed=seed)
    if task.reads == MIX:
        return _solved_mix(task, train.mixed(), validation and validation.mixed(), seed, report)
    solution = solve_level(train, validation, levels[0], seed=seed)
    report(_in_words(task, solution, solution.converged))
    head = solution.head
    return [*kind_of(task).of_units(task, head.kernel, head.bias)], solution.train_loss


def _solved_mix(
    task: Task, train: Rows, validation: Rows | None, seed: int, report: Callable[[str], None]
) -> tuple[list[np.ndarray], float]:
    """Solves a head that mixes levels, with the penalty of a head on their mean."""
    kind, mean = kind_of(task), solve_level(train, validation, MIX, seed=seed)
    levels = [vectors for level, vectors in train.levels.items() if level != MIX]
    problem = MixProblem(levels, train.targets(), kind.link)
    solved = problem.solve(mean.penalty, steps=FINAL_STEPS, tolerance=FINAL_TOLERANCE)
    report(_in_words(task, mean, solved.converged))
    outputs = kind.link.outputs(solved.head(mixed(levels, solved.scores)))
    loss = kind.measured(task, train.scored(outputs))["loss"]
    return [*kind.of_units(task, solved.head.kernel, solved.head.bias), solved.scores], loss


def _in_words(task: Task, solution: Solution, converged: bool) -> str:
    line = (
        f"{task.name}: head solved, held-out {task.metric} {solution.figure(task.metric)}, "
        f"penalty {solution.penalty:.0e}"
    )
    return line if converged else f"{line}; not converged, the best so far is kept"
