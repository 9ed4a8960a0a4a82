"""Solves a head for a task, with the penalty that is best on held-out texts."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.task_kind import Scored
from mtl_keras.training.solving.linear import LinearHead, Problems, Scaling, fold_shares
from mtl_keras.training.solving.rows import Rows

# Of the kernel, from strong to weak: half a power of ten apart.
PENALTIES = tuple(10.0 ** (-half / 2) for half in range(10))
WORSE_IN_A_ROW = 2  # penalties after which weaker ones are not tried
FOLDS = 3
MOST_SEARCHED = 20_000  # rows on which penalties are tried
SEARCH_STEPS, FINAL_STEPS = 100, 1000
SEARCH_TOLERANCE, FINAL_TOLERANCE = 1e-4, 1e-5


@dataclass(frozen=True, eq=False)
class Solution:
    """A solved head.

    Args:
        level: the level that the head reads.
        head: the head on the encoder's plain vectors.
        penalty: penalty of the kernel.
        held_out: metrics on texts that the head was not fitted on, as `evaluate` returns them.
        rank: sorts solutions by the task's metric, then by the loss; higher is better.
        train_loss: its loss on the training texts, without the penalty.
        converged: whether the solver reached the optimum; else the head is the best so far.
    """

    level: str
    head: LinearHead
    penalty: float
    held_out: Mapping[str, float | None]
    rank: tuple[float, float]
    train_loss: float
    converged: bool

    def figure(self, metric: str) -> str:
        """Returns a held-out metric as text; it may be undefined."""
        value = self.held_out[metric]
        return "undefined" if value is None else f"{value:.3f}"

    def to_json(self) -> dict:
        """Returns all fields but the head as values that JSON can hold."""
        return {
            "level": self.level,
            "penalty": self.penalty,
            "held_out": dict(self.held_out),
            "train_loss": self.train_loss,
            "converged": self.converged,
        }


def solve_level(train: Rows, validation: Rows | None, level: str, *, seed: int) -> Solution:
    """Solves a head on one level, with the penalty that is best on held-out texts.

    A penalty is judged on the validation texts, and on the training texts by heads that were fitted
    without them (cross-validation, three folds), since a few hundred validation texts alone cannot
    tell penalties or levels apart. Penalties are tried from strong to weak, each from the head
    before; if there are more than `MOST_SEARCHED` rows, on the first texts that have about so many.
    The head itself is fitted on all training texts and on nothing else.

    Args:
        train: its rows are fitted.
        validation: judges beside the folds; None: the folds alone.
        level: of both.
        seed: deals the texts into folds.

    Raises:
        InputError: every training example has the same label.
    """
    search = _Search.of(train, validation, level, seed)
    weights, best, worse = search.problems.start(), None, 0
    for penalty in PENALTIES:
        minimum = search.problems.solve(
            search.of_searched(penalty), weights, steps=SEARCH_STEPS, tolerance=SEARCH_TOLERANCE
        )
        weights = minimum.weights
        judged = _Judged.of(search.train.task, penalty, weights[:, 0], search.measure(weights))
        if best is None or judged.rank > best.rank:
            best, worse = judged, 0
        else:
            worse += 1
        if worse == WORSE_IN_A_ROW:
            break
    assert best is not None
    return search.finish(best)


@dataclass(frozen=True, eq=False)
class _Judged:
    """The weights under a penalty, and its metrics on held-out folds and validation texts."""

    penalty: float
    weights: np.ndarray
    held_out: Mapping[str, float | None]
    rank: tuple[float, float]

    @classmethod
    def of(
        cls, task: Task, penalty: float, weights: np.ndarray, held_out: Mapping[str, float | None]
    ) -> "_Judged":
        value, loss = held_out[task.metric], held_out["loss"]
        loss = math.inf if loss is None else loss
        if value is None or not math.isfinite(value):
            return cls(penalty, weights, held_out, (-math.inf, -loss))
        sign = 1 if task.label_kind.higher_is_better else -1
        return cls(penalty, weights, held_out, (sign * value, -loss))


@dataclass(frozen=True, eq=False)
class _Search:
    """The rows and folds on which penalties are tried: of some of the texts, or of all.

    Args:
        level: that the head reads.
        train: all rows that the head is fitted on.
        whole: their problem, without folds.
        searched: the rows on which penalties are tried.
        problems: of these, with a problem for each fold.
        folds: the fold of each searched row.
        validation: judges beside the folds.
        scaling: of the features.
        offset: of the targets, `(outputs,)`.
        scale: likewise.
    """

    level: str
    train: Rows
    whole: Problems
    searched: Rows
    problems: Problems
    folds: np.ndarray
    validation: Rows | None
    scaling: Scaling
    offset: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, train: Rows, validation: Rows | None, level: str, seed: int) -> "_Search":
        link, targets = kind_of(train.task).link, train.targets()
        _check_varies(train.task, targets)
        scaling = Scaling.of(train.levels[level])
        offset, scale = link.scale(targets)
        scaled = ((targets - offset) / scale).astype(np.float32)
        features, searched = scaling(train.levels[level]), train.beginning(MOST_SEARCHED)
        shares, folds = fold_shares(searched.texts, FOLDS, seed)
        count = len(folds)
        return cls(
            level=level,
            train=train,
            whole=Problems.of_all_rows(features, scaled, link),
            searched=searched,
            problems=Problems(features[:count], scaled[:count], shares, link),
            folds=folds,
            validation=validation,
            scaling=scaling,
            offset=offset,
            scale=scale,
        )

    def of_searched(self, penalty: float) -> float:
        """Returns the penalty that weighs the same beside the losses of the searched rows alone."""
        return penalty * len(self.whole.targets) / len(self.problems.targets)

    def measure(self, weights: np.ndarray) -> dict[str, float | None]:
        """Returns metrics on held-out texts: of a fold by the problem that left it out."""
        logits = self.problems.logits(weights)  # (rows, problems, outputs)
        held_out = np.take_along_axis(logits, 1 + self.folds[:, np.newaxis, np.newaxis], axis=1)
        scored = [*self.searched.scored(self._outputs(held_out[:, 0]))]
        if self.validation is not None:
            rows = self.scaling(self.validation.levels[self.level])
            scored += self.validation.scored(self._outputs(rows @ weights[:, 0]))
        return self._measured(scored)

    def finish(self, best: _Judged) -> Solution:
        """Returns the head of the best penalty, fitted to its optimum."""
        minimum = self.whole.solve(
            best.penalty, best.weights[:, np.newaxis], steps=FINAL_STEPS, tolerance=FINAL_TOLERANCE
        )
        weights = minimum.weights[:, 0]
        outputs = self._outputs(self.whole.features @ weights)
        return Solution(
            level=self.level,
            head=LinearHead.unscaled(weights, self.scaling, self.offset, self.scale),
            penalty=best.penalty,
            held_out=best.held_out,
            rank=best.rank,
            train_loss=self._measured(self.train.scored(outputs))["loss"],
            converged=minimum.converged,
        )

    def _measured(self, scored: Iterable[Scored]) -> dict[str, Any]:
        task = self.train.task
        return kind_of(task).measured(task, scored)

    def _outputs(self, logits: np.ndarray) -> np.ndarray:
        outputs = kind_of(self.train.task).link.outputs(logits)
        return outputs * self.scale + self.offset


def _check_varies(task: Task, targets: np.ndarray) -> None:
    if (targets == targets[:1]).all():
        raise InputError(
            f"task {task.name!r}: all its training examples have the same label, so that there is "
            "nothing to learn; add examples of another"
        )
