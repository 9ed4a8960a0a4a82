"""Gradient combinations computed another way: in NumPy and SciPy, from the gradients themselves.

Each takes gradients `(K, weights)` and returns the weights `(K,)`. They share no code with
`mtl_keras.models.combinations`: the quadratic programs are solved by SciPy's active-set NNLS.
"""

import numpy as np
from scipy import optimize

C = 0.5
RIDGE = 1e-4


def upgrad(gradients: np.ndarray) -> np.ndarray:
    """The mean of the projections on the dual cone, of the Gramian with TorchJD's ridge."""
    tasks = len(gradients)
    gramian = gradients @ gradients.T
    gramian = gramian / np.trace(gramian) + RIDGE * np.eye(tasks)
    root = np.linalg.cholesky(gramian).T  # its columns have this Gramian
    own = np.eye(tasks) / tasks
    return sum(row + optimize.nnls(root, -root @ row)[0] for row in own)


def mgda(gradients: np.ndarray) -> np.ndarray:
    """The shortest vector of the convex hull, reduced to non-negative least squares."""
    length = np.linalg.norm(gradients, axis=1).mean()
    stacked = np.vstack([gradients.T / length, np.ones(len(gradients))])
    target = np.append(np.zeros(gradients.shape[1]), 1.0)
    weights = optimize.nnls(stacked, target)[0]
    return weights / weights.sum()


def imtl_g(gradients: np.ndarray) -> np.ndarray:
    """Liu et al., 2021, eq. 6: α of all tasks but the first, then the first."""
    units = gradients / np.linalg.norm(gradients, axis=1, keepdims=True)
    away, differences = gradients[0] - gradients[1:], units[0] - units[1:]
    others = gradients[0] @ differences.T @ np.linalg.inv(away @ differences.T)
    return np.append(1 - others.sum(), others)


def aligned(gradients: np.ndarray) -> np.ndarray:
    """The mean of the gradients with all singular values set to the least one."""
    left, values, right = np.linalg.svd(gradients, full_matrices=False)
    mean = (values.min() * left @ right).mean(0)
    return np.linalg.lstsq(gradients.T, mean, rcond=None)[0]


def db_mtl(gradients: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The gradients of log-losses, all as long as the longest."""
    norms = np.linalg.norm(gradients / losses[:, None], axis=1)
    return norms.max() / norms / losses


def cagrad(gradients: np.ndarray) -> np.ndarray:
    """Maximizes the least `⟨g_k, d⟩` over the ball round the mean gradient, in the primal."""
    scaled = gradients / np.sqrt((gradients**2).sum())
    mean = scaled.mean(0)
    basis = np.linalg.qr(scaled.T)[0]
    rows, center = scaled @ basis, mean @ basis
    radius = C * np.linalg.norm(mean)
    found = optimize.minimize(
        lambda x: -x[-1],
        np.append(center, (rows @ center).min()),
        jac=lambda x: np.append(np.zeros(len(center)), -1.0),
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x[:-1] - x[-1]},
            {"type": "ineq", "fun": lambda x: radius**2 - ((x[:-1] - center) ** 2).sum()},
        ],
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    return np.linalg.lstsq(rows.T, found.x[:-1], rcond=None)[0]


def pcgrad(gradients: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Yu et al., 2020, algorithm 1, on the gradients."""
    projected = gradients.copy()
    for task, order in enumerate(orders):
        for other in order:
            along = projected[task] @ gradients[other]
            if other != task and along < 0:
                projected[task] -= along / (gradients[other] @ gradients[other]) * gradients[other]
    return np.linalg.lstsq(gradients.T, projected.sum(0), rcond=None)[0]
