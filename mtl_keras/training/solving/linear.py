"""Fits a linear head to its optimum: a convex loss, minimised by L-BFGS."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from mtl_keras.models.kinds.links import Link

# Products this small take several threads longer than one.
one_thread = functools.partial(threadpool_limits, 1, "blas")
SMALLEST_DEVIATION = 1e-6  # of a feature that is scaled; what varies less is constant
MEMORY_PAIRS = 10  # of gradients that L-BFGS keeps


@dataclass(frozen=True, eq=False)
class Scaling:
    """The scaling of features to mean 0 and deviation 1.

    Args:
        mean: `(hidden,)`.
        deviation: `(hidden,)`.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Scaling":
        """Returns the scaling of these rows, `(rows, hidden)`."""
        deviation = features.std(0)
        is_constant = deviation < SMALLEST_DEVIATION
        return cls(features.mean(0), np.where(is_constant, 1.0, deviation).astype(np.float32))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Returns scaled rows with a column of 1 appended: `(rows, hidden + 1)`, float32."""
        scaled = np.empty((len(features), features.shape[1] + 1), np.float32)
        np.subtract(features, self.mean, out=scaled[:, :-1])
        scaled[:, :-1] /= self.deviation
        scaled[:, -1] = 1
        return scaled


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A dense layer: `features @ kernel + bias`.

    Args:
        kernel: `(hidden, outputs)`, float32.
        bias: `(outputs,)`, float32.
    """

    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def unscaled(
        cls, weights: np.ndarray, scaling: Scaling, offset: np.ndarray, scale: np.ndarray
    ) -> "LinearHead":
        """Returns the head on plain features that answers as these weights do on scaled ones.

        Args:
            weights: `(hidden + 1, outputs)`, the last row the bias.
            scaling: of the features.
            offset: of the targets, `(outputs,)`.
            scale: likewise.
        """
        kernel = weights[:-1].astype(np.float64) / scaling.deviation[:, np.newaxis] * scale
        bias = weights[-1] * scale + offset - scaling.mean @ kernel
        return cls(kernel.astype(np.float32), bias.astype(np.float32))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Returns the logits `(rows, outputs)` of features `(rows, hidden)`."""
        return features @ self.kernel + self.bias


@dataclass(frozen=True, eq=False)
class Minimum:
    """The end of a minimisation.

    Args:
        weights: `(hidden + 1, problems, outputs)`, float32.
        loss: the sum of the problems' penalised losses.
        converged: whether it is a minimum, and not merely the best so far.
    """

    weights: np.ndarray
    loss: float
    converged: bool


@dataclass(frozen=True, eq=False)
class Problems:
    """Linear models of the same rows with different row weights, solved together.

    They share each product with the features. Cross-validation uses it for a model of all rows
    and one for each fold.

    Args:
        features: scaled, with ones: `(rows, hidden + 1)`, float32.
        targets: `(rows, outputs)`, float32.
        shares: of each row in each problem's mean loss, `(rows, problems)`, float32.
        link: the loss.
    """

    features: np.ndarray
    targets: np.ndarray
    shares: np.ndarray
    link: Link

    @classmethod
    def of_all_rows(cls, features: np.ndarray, targets: np.ndarray, link: Link) -> "Problems":
        """Returns one problem, in whose mean loss every row counts the same."""
        shares = np.full((len(targets), 1), 1 / len(targets), np.float32)
        return cls(features, targets, shares, link)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the weights, `(hidden + 1, problems, outputs)`."""
        return self.features.shape[1], self.shares.shape[1], self.targets.shape[1]

    def start(self) -> np.ndarray:
        """Returns weights that are all 0."""
        return np.zeros(self.shape, np.float32)

    def solve(self, penalty: float, start: np.ndarray, *, steps: int, tolerance: float) -> Minimum:
        """Minimises the mean losses plus `penalty / 2` times the squares of the kernels.

        A problem of fewer rows has a larger penalty in proportion, so that penalty and sum of
        losses weigh the same in all (scikit-learn's `C`).

        Liu & Nocedal, 1989, "On the limited memory BFGS method for large scale optimization".

        Args:
            penalty: of the kernel of a model of all rows; the bias has none.
            start: weights `(hidden + 1, problems, outputs)`.
            steps: of L-BFGS, at most.
            tolerance: of the largest part of the gradient at the minimum.
        """

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = self._loss(flat.astype(np.float32).reshape(self.shape), penalty)
            return loss, gradient.ravel().astype(np.float64)

        options = {"maxiter": steps, "maxcor": MEMORY_PAIRS, "gtol": tolerance, "ftol": 1e-7}
        minimum = minimize(
            objective,
            start.ravel().astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            options=options,
        )
        weights = minimum.x.astype(np.float32).reshape(self.shape)
        return Minimum(weights, float(minimum.fun), bool(minimum.success))

    def logits(self, weights: np.ndarray) -> np.ndarray:
        """Returns the logits of all rows in each problem, `(rows, problems, outputs)`."""
        flat = self.features @ weights.reshape(weights.shape[0], -1)
        return flat.reshape(len(flat), *weights.shape[1:])

    def _loss(self, weights: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
        """Returns the penalised loss, and its gradient by the weights."""
        logits, targets = self.logits(weights), self.targets[:, np.newaxis]
        outputs, losses = self.link.measured(logits, targets)
        loss = float((losses * self.shares).sum(dtype=np.float64))
        errors = np.subtract(outputs, targets, out=outputs)  # (rows, problems, outputs)
        errors *= self.shares[..., np.newaxis]
        gradient = (self.features.T @ errors.reshape(len(errors), -1)).reshape(weights.shape)
        pulled = penalty * self.shares.max(0)[:, np.newaxis] * len(targets) * weights
        pulled[-1] = 0  # the bias
        loss += 0.5 * float((pulled * weights).sum(dtype=np.float64))
        return loss, gradient + pulled


def fold_shares(examples: np.ndarray, folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns row shares of a problem of all rows, then of one without each fold's rows.

    Args:
        examples: the text of each row, `(rows,)`, from 0; rows of one text share a fold.
        folds: how many.
        seed: of the order in which texts are dealt.

    Returns:
        Shares `(rows, 1 + folds)`, each column summing to 1, and the fold of each row `(rows,)`.
    """
    count = int(examples.max()) + 1
    dealt = np.random.default_rng(seed).permutation(count) % folds
    fold = dealt[examples]
    columns: Sequence[np.ndarray] = [np.ones(len(fold)), *(fold != out for out in range(folds))]
    shares = np.stack(columns, axis=1).astype(np.float32)
    return shares / shares.sum(0), fold
