"""How sure a metric is: its interval when the examples are drawn again."""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.table import kind_of

CONFIDENCE = 0.95
RESAMPLES = 1000
MOST_AT_ONCE = 2**22  # numbers drawn


def contributions(task: Task, labels: Sequence, outputs: Sequence[np.ndarray]) -> np.ndarray:
    """What each example adds to the two sums whose ratio is `task.metric`.

    Args:
        task: the task.
        labels: of each example, as `Vectors.by_example` gives them.
        outputs: of each example, likewise.

    Returns:
        `(examples, 2)`: accuracy is right / examples, an F1 2 · matched / (predicted + actual),
        the mean absolute error Σ|error| / examples.

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

    It shows how much the metric owes to the examples that were drawn, not what another training
    would give. Where every example is alike (all are right), it has no width. Resamples whose
    ratio is undefined are left out.

    Args:
        contributed: `(examples, 2)`, as `contributions` gives them.

    Returns:
        Its ends; None twice if the ratio is undefined.

    Example:

    >>> low, high = interval(np.array([[1.0, 1.0]] * 80 + [[0.0, 1.0]] * 20))
    >>> bool(0.7 < low < 0.8 < high < 0.9)
    True
    """
    parts, wholes = contributed.T
    if not wholes.any():
        return None, None
    if len(contributed) < 2:
        single = float(_ratio(parts, wholes))
        return single, single
    with warnings.catch_warnings():  # of an interval with NaN, which is not the one returned
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        resampled = stats.bootstrap(
            (parts, wholes),
            _ratio,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=max(1, MOST_AT_ONCE // len(contributed)),
            method="percentile",
            rng=np.random.default_rng(0),
        ).bootstrap_distribution
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def resampled(contributed: np.ndarray, draw: int = 0) -> np.ndarray:
    """A metric of some trainings, over seeds and examples that are drawn again together.

    Resamples of the same number hold the same examples in every call, so that two of them can be
    subtracted (paired bootstrap; Efron & Tibshirani, 1993, "An introduction to the bootstrap").
    Of n seeds n - 1 are drawn, as n of so few would vary too little (Rao & Wu, 1988, "Resampling
    inference with complex survey data").

    Args:
        contributed: of each seed, `(seeds, examples, 2)`, as `contributions` gives them.
        draw: of the seeds; those of another number are drawn independently.

    Returns:
        The mean metric of each of 1,000 resamples, NaN where it is undefined.

    Example:

    >>> right = np.ones((3, 50, 2))
    >>> np.unique(resampled(right)).tolist()
    [1.0]
    """
    seeds, examples, _ = contributed.shape
    of_examples, of_seeds = np.random.default_rng(0), np.random.default_rng([1, draw])
    means = []
    at_once = max(1, min(RESAMPLES, MOST_AT_ONCE // examples))
    for first in range(0, RESAMPLES, at_once):
        count = min(at_once, RESAMPLES - first)
        shares = np.full(examples, 1 / examples)
        times = of_examples.multinomial(examples, shares, size=count)  # (count, examples)
        parts, wholes = (times @ contributed[..., place].T for place in (0, 1))
        metrics = _ratio(parts[..., np.newaxis], wholes[..., np.newaxis])  # (count, seeds)
        drawn = of_seeds.integers(seeds, size=(count, max(1, seeds - 1)))
        means.append(np.take_along_axis(metrics, drawn, axis=1).mean(axis=1))
    return np.concatenate(means)


def difference_interval(
    one: np.ndarray, other: np.ndarray
) -> tuple[float, float] | tuple[None, None]:
    """The 95% percentile interval of the difference of two metrics, each as of `resampled`.

    Returns:
        Its ends; None twice if no resample has both metrics.
    """
    differences = one - other
    if np.isnan(differences).all():
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(differences, [tail, 1 - tail])
    return float(low), float(high)


def _ratio(parts: np.ndarray, wholes: np.ndarray, axis: int = -1) -> np.ndarray:
    whole = wholes.sum(axis=axis)
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(parts.sum(axis=axis), whole, out=undefined, where=whole > 0)
