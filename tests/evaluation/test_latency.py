"""Calls are timed many times, and the first does not count."""

import time

import pytest

from mtl_keras.evaluation.latency import CALLS, median_milliseconds, milliseconds


def test_the_first_call_and_outliers_do_not_count():
    times = iter([100.0, 50.0, *[0.002] * (CALLS - 1)])
    assert median_milliseconds(lambda: next(times)) == pytest.approx(2)
    assert next(times, None) is None


def test_a_call_is_timed_here():
    assert 2 <= milliseconds(lambda: time.sleep(0.002)) < 1000
