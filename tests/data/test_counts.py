"""Moments of numbers of any size, counted one by one and in parts."""

import json

import numpy as np
import pytest

from mtl_keras.data.counts import Counts, Moments


def _moments(numbers) -> Moments:
    moments = Moments()
    for number in numbers:
        moments.add(float(number))
    return moments


@pytest.mark.parametrize("mean", [0.0, 5e3, 1.7e9])
def test_parts_have_the_moments_of_the_whole(mean):
    numbers = np.random.default_rng(0).normal(mean, 20.0, 300)
    parts = [Counts(len(part), {}, _moments(part)) for part in np.split(numbers, [7, 7, 200])]
    parts = [Counts.from_json(json.loads(json.dumps(part.to_json()))) for part in parts]
    whole = Counts.sum(parts)
    assert whole.examples == whole.numbers.count == 300
    assert whole.numbers.scale == pytest.approx((numbers.mean(), numbers.std()), rel=1e-9)


def test_equal_numbers_have_the_deviation_1():
    assert _moments([3.5] * 4).scale == (3.5, 1.0)
    assert Moments().scale == (0.0, 1.0)
