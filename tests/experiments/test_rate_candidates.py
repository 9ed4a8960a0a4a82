"""Learning rates that a search tries."""

import itertools

from mtl_keras.experiments.rate_candidates import BACKBONE_FIRST, RANGES, rate_candidates


def test_the_defaults_and_usual_rates_come_first_and_the_rest_spread_over_the_ranges():
    default, *others = itertools.islice(rate_candidates(list(RANGES)), 40)
    assert default == {}
    first, others = others[: len(BACKBONE_FIRST)], others[len(BACKBONE_FIRST) :]
    assert first == [{"backbone": rate} for rate in BACKBONE_FIRST]
    for name, (low, high) in RANGES.items():
        values = [rates[name] for rates in others]
        assert low <= min(values) < (low * high) ** 0.5 < max(values) <= high
    assert len({tuple(rates.values()) for rates in others}) == len(others)


def test_only_free_rates_change():
    assert list(rate_candidates([])) == [{}]
    assert [set(rates) for rates in itertools.islice(rate_candidates(["decay"]), 1, 3)] == [
        {"decay"},
        {"decay"},
    ]
