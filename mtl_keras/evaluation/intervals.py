"""Bootstrap confidence intervals of metrics over the examples."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

from mtl_keras.data.task import Task
from mtl_keras.evaluation.paired_bootstrap import (
    MOST_AT_ONCE,
    RESAMPLES,
    percentile_interval,
    ratio,
)
from mtl_keras.models.kinds.table import kind_of


def contributions(task: Task, labels: Sequence, outputs: Sequence[np.ndarray]) -> np.ndarray:
    """What each example adds to the two sums whose ratio is `task.metric`.

    Args:
        task: the task.
        labels: of each example, as `Vectors.by_example` returns them.
        outputs: of each example, likewise.

    Returns:
        `(examples, 2)`. Accuracy is right / examples, F1 is 2 · matched / (predicted + actual), and
        the mean absolute error is Σ|error| / examples.

    Example:

    >>> task = Task("tone", labels=["bad", "good"])
    >>> contributions(task, [1, 0], [np.array([0.2, 0.8]), np.array([0.3, 0.7])]).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    contribution = kind_of(task).contribution
    rows = [contribution(*example) for example in zip(labels, outputs, strict=True)]
    return np.array(rows, np.float64).reshape(-1, 2)


def interval(contributed: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """The 95% percentile bootstrap interval of a ratio of sums (Efron, 1979), 1,000 resamples.

    It covers the choice of examples, not the randomness of training. If all examples contribute the
    same (all are right), it has no width. Resamples whose ratio is undefined are left out.

    Args:
        contributed: `(examples, 2)`, as `contributions` returns them.

    Returns:
        The ends of the interval; twice None if the ratio is undefined.

    Example:

    >>> low, high = interval(np.array([[1.0, 1.0]] * 80 + [[0.0, 1.0]] * 20))
    >>> bool(0.7 < low < 0.8 < high < 0.9)
    True
    """
    parts, wholes = contributed.T
    if not wholes.any():
        return None, None
    if len(contributed) < 2:
        single = float(ratio(parts, wholes))
        return single, single
    with warnings.catch_warnings():  # SciPy's own interval, which is not used, may be NaN
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        resampled = stats.bootstrap(
            (parts, wholes),
            ratio,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=max(1, MOST_AT_ONCE // len(contributed)),
            method="percentile",
            rng=np.random.default_rng(0),
        ).bootstrap_distribution
    return percentile_interval(resampled)
