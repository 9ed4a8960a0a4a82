"""Trainings differ by more than chance, or they do not."""

import numpy as np
import pytest

from mtl_keras.evaluation.intervals import interval
from mtl_keras.evaluation.paired_bootstrap import difference_interval, resampled


def test_of_one_training_the_resamples_have_the_interval_of_the_examples():
    right = np.repeat([1.0, 0.0], [150, 50])
    contributed = np.stack([right, np.ones(200)], axis=1)
    ends = np.quantile(resampled(contributed[np.newaxis]), [0.025, 0.975])
    assert ends == pytest.approx(interval(contributed), abs=0.01)


def test_two_trainings_that_answer_alike_do_not_differ_whatever_examples_are_drawn():
    right = np.repeat([1.0, 0.0], [150, 50])
    contributed = np.stack([right, np.ones(200)], axis=1)[np.newaxis]
    difference = difference_interval(resampled(contributed, 0), resampled(contributed, 1))
    assert difference == (0.0, 0.0)


def test_the_spread_over_seeds_is_that_of_their_mean():
    """Of n seeds the variance of the mean is s² / n."""
    shares = np.array([0.5, 0.6, 0.9])
    contributed = np.stack([np.full((3, 4000), shares[:, None]), np.ones((3, 4000))], axis=-1)
    spread = resampled(contributed).std()
    assert spread == pytest.approx(shares.std(ddof=1) / 3**0.5, rel=0.1)
