"""Batches of texts of similar length: every text once, the longest first."""

import numpy as np
import pytest

from mtl_keras.encoders.length_sorting import length_sorted_batches

LENGTHS = np.random.default_rng(0).integers(2, 128, 300)


@pytest.mark.parametrize("size", [lambda longest: 32, lambda longest: 1024 // longest])
def test_every_text_is_in_one_batch_and_none_is_longer_than_those_before(size):
    order = np.concatenate(list(length_sorted_batches(LENGTHS, size)))
    assert sorted(order) == list(range(300))
    assert (np.diff(LENGTHS[order]) <= 0).all()


def test_a_batch_is_as_large_as_its_longest_text_allows():
    for rows in list(length_sorted_batches(LENGTHS, lambda longest: 256 // longest))[:-1]:
        assert len(rows) == 256 // LENGTHS[rows].max()


def test_a_text_that_is_too_long_for_any_batch_is_alone():
    batches = length_sorted_batches(np.array([5, 900, 5]), lambda longest: 10 // longest)
    assert [rows.tolist() for rows in batches] == [[1], [0, 2]]


def test_no_text_makes_no_batch():
    assert not list(length_sorted_batches(np.zeros(0, np.int64), lambda longest: 8))
