"""Solves a head that mixes levels: the mix and the dense layer together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from mtl_keras.models.kinds.links import Link, Softmax
from mtl_keras.training.solving.linear import MEMORY_PAIRS, LinearHead, Scaling


@dataclass(frozen=True, eq=False)
class SolvedMix:
    """A mix of levels and the head on it.

    Args:
        scores: `s` of `LevelMix`, `(levels,)`.
        head: on the mixed vectors.
        loss: penalised.
        converged: whether it is an optimum.
    """

    scores: np.ndarray
    head: LinearHead
    loss: float
    converged: bool


@dataclass(frozen=True, eq=False)
class MixProblem:
    """Rows of several levels, and the targets of a head on their mix.

    The vectors are scaled as their plain mean is. The loss is not convex in the mix; it starts as
    the mean.

    Args:
        levels: vectors of each level, lowest first, `(rows, hidden)`.
        targets: `(rows, outputs)`.
        link: the loss.
    """

    levels: Sequence[np.ndarray]
    targets: np.ndarray
    link: Link

    def solve(self, penalty: float, *, steps: int, tolerance: float) -> SolvedMix:
        """Minimises the mean loss plus `penalty / 2` times the squares of the kernel."""
        scaling = Scaling.of(mixed(self.levels, np.zeros(len(self.levels))))
        offset, scale = self.link.scale(self.targets)
        scaled = replace(
            self,
            levels=[scaling(level) for level in self.levels],
            targets=((self.targets - offset) / scale).astype(np.float32),
        )
        count, shape = len(self.levels), (scaled.levels[0].shape[1], self.targets.shape[1])
        minimum = minimize(
            lambda flat: scaled._loss(flat[:count], flat[count:].reshape(shape), penalty),
            np.zeros(count + shape[0] * shape[1]),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": steps, "maxcor": MEMORY_PAIRS, "gtol": tolerance, "ftol": 1e-7},
        )
        head = LinearHead.unscaled(minimum.x[count:].reshape(shape), scaling, offset, scale)
        return SolvedMix(
            minimum.x[:count].astype(np.float32), head, float(minimum.fun), bool(minimum.success)
        )

    def _loss(
        self, scores: np.ndarray, weights: np.ndarray, penalty: float
    ) -> tuple[float, np.ndarray]:
        """Returns the penalised loss, and its flat gradient by scores and weights."""
        weights, shares = weights.astype(np.float32), Softmax().outputs(scores)
        features = mixed(self.levels, scores)  # (rows, hidden + 1)
        logits = features @ weights
        outputs, losses = self.link.measured(logits, self.targets)
        errors = (outputs - self.targets) / len(losses)
        by_features = errors @ weights.T  # (rows, hidden + 1)
        by_share = np.array([np.vdot(by_features, level) for level in self.levels])
        by_scores = shares * (by_share - shares @ by_share)
        pulled = penalty * weights
        pulled[-1] = 0  # the bias
        loss = losses.mean(dtype=np.float64)
        loss += 0.5 * (pulled * weights).sum(dtype=np.float64)
        by_weights = features.T @ errors + pulled
        return float(loss), np.concatenate([by_scores, by_weights.ravel()]).astype(np.float64)


def mixed(levels: Sequence[np.ndarray], scores: np.ndarray) -> np.ndarray:
    """Returns `Σ softmax(scores)_l · levels_l`, float32, as `LevelMix` does."""
    total = np.zeros(levels[0].shape, np.float32)
    for share, level in zip(Softmax().outputs(scores), levels, strict=True):
        total += np.float32(share) * level
    return total
