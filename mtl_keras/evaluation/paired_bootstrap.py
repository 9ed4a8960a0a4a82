"""Resamples metrics over seeds and examples, to compare two trainings (paired bootstrap)."""

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 1000
MOST_AT_ONCE = 2**22  # numbers drawn at once, to bound the memory


def resampled(contributed: np.ndarray, draw: int = 0) -> np.ndarray:
    """Resamples the metric of trainings with several seeds, over seeds and examples.

    The k-th resample holds the same examples in every call, so results of two calls can be
    subtracted (paired bootstrap; Efron & Tibshirani, 1993, "An introduction to the bootstrap").
    Of n seeds, n - 1 are drawn, since drawing n of so few would vary too little (Rao & Wu, 1988,
    "Resampling inference with complex survey data").

    Args:
        contributed: `(seeds, examples, 2)`: for each seed, the result of `intervals.contributions`.
        draw: which draw of the seeds; different numbers are independent.

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
        metrics = ratio(parts[..., np.newaxis], wholes[..., np.newaxis])  # (count, seeds)
        drawn = of_seeds.integers(seeds, size=(count, max(1, seeds - 1)))
        means.append(np.take_along_axis(metrics, drawn, axis=1).mean(axis=1))
    return np.concatenate(means)


def difference_interval(
    one: np.ndarray, other: np.ndarray
) -> tuple[float, float] | tuple[None, None]:
    """The 95% percentile interval of the difference of two metrics.

    Args:
        one: resamples of the first metric, `(resamples,)`, as `resampled` returns them.
        other: those of the second, from the same examples.

    Returns:
        The ends of the interval; twice None if no resample has both metrics.
    """
    differences = one - other
    return (None, None) if np.isnan(differences).all() else percentile_interval(differences)


def percentile_interval(resamples: np.ndarray) -> tuple[float, float]:
    """The ends of the 95% interval of resamples `(resamples,)`; NaN are left out."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(resamples, [tail, 1 - tail])
    return float(low), float(high)


def ratio(parts: np.ndarray, wholes: np.ndarray, axis: int = -1) -> np.ndarray:
    """The ratio of two sums along an axis; NaN where the second is 0."""
    whole = wholes.sum(axis=axis)
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(parts.sum(axis=axis), whole, out=undefined, where=whole > 0)
