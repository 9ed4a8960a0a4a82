"""The learning rates that a search tries."""

import math
from collections.abc import Collection, Iterator, Mapping

from scipy.stats import qmc

# The lowest and the highest value tried. Rates are spaced by their logarithms.
RANGES = {"backbone": (2e-5, 5e-4), "heads": (1e-4, 5e-3), "decay": (0.7, 1.0)}
# Beside the default of 5e-5, the rates with which Turc et al., 2019, "Well-read students learn
# better", fine-tune compact models.
BACKBONE_FIRST = (1e-4, 3e-4, 3e-5)


def rate_candidates(free: Collection[str]) -> Iterator[dict[str, float]]:
    """Yields settings to try, endlessly: the plan's own, then the usual rates of the backbone, then
    a Halton sequence over the ranges.

    Halton, 1960, "On the efficiency of certain quasi-random sequences of points". Points off a
    grid find good settings sooner than a grid: Bergstra & Bengio, 2012, "Random search for
    hyper-parameter optimization".

    Args:
        free: which of `heads`, `backbone`, `decay` may change. If none may, there is one candidate.

    Yields:
        Name → value of the free settings. The first is empty: it keeps the plan's own values.

    Example:

    >>> import itertools
    >>> list(itertools.islice(rate_candidates(["backbone"]), 5))[1:]
    [{'backbone': 0.0001}, {'backbone': 0.0003}, {'backbone': 3e-05}, {'backbone': 4.5e-05}]
    """
    yield {}
    usual = [{"backbone": rate} for rate in BACKBONE_FIRST if "backbone" in free]
    yield from usual
    names = [name for name in RANGES if name in free]
    if not names:
        return
    sequence = qmc.Halton(len(names), scramble=False).fast_forward(1)  # its first point is 0
    while True:
        (point,) = sequence.random(1)
        rates = {name: _between(name, place) for name, place in zip(names, point, strict=True)}
        if rates not in usual:
            yield rates


def _between(name: str, place: float) -> float:
    """Maps a place in [0, 1) to a value in the range, rounded to two digits."""
    low, high = RANGES[name]
    if name == "decay":
        value = low + place * (high - low)
    else:
        value = math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
    return float(f"{value:.2g}")


def in_words(rates: Mapping[str, float]) -> str:
    """Returns a candidate as a table shows it.

    Example:

    >>> in_words({"backbone": 1e-4, "decay": 0.8}), in_words({})
    ('backbone 0.0001, decay 0.8', 'the defaults')
    """
    return ", ".join(f"{name} {value:g}" for name, value in rates.items()) or "the defaults"
