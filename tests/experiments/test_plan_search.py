"""Successive halving spends what it may, and finds what is best."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.experiments.plan_search import Halving, Result, cheapest_within, frontier
from mtl_keras.experiments.search_space import Candidate
from mtl_keras.experiments.trials import Trial

FREE = ("backbone",)


def _halving(epochs=3, seconds_a_block=10.0):
    """A search in which more trained blocks, all of six, and a rate of 1e-4 score better."""

    def run(candidate, epochs):
        score = 0.5 + 0.02 * candidate.trained_blocks + 0.01 * candidate.blocks
        score += 0.05 * (candidate.rates.get("backbone") == 1e-4)
        seconds = seconds_a_block * (candidate.trained_blocks + 1) * epochs
        return Trial(score=score, seconds=seconds, best=score)

    solved = [
        Result(candidate=Candidate(blocks, blocks), epochs=0, score=0.4, seconds=5.0)
        for blocks in (4, 6)
    ]
    return Halving(epochs, run, solved, FREE)


@pytest.mark.parametrize("epochs", [1, 2, 3, 10])
@pytest.mark.parametrize("times", [1.5, 4.0, 20.0])
def test_a_search_stays_within_its_budget(epochs, times):
    halving = _halving(epochs)
    full = halving.time_full(6)
    halving.search(times * full)
    assert halving.seconds <= times * full


def test_with_room_the_best_is_found_and_trained_to_the_end():
    halving = _halving()
    results = halving.search(100 * halving.time_full(6))
    best = max(results, key=lambda result: result.rank)
    assert best.candidate == Candidate(6, 0, {"backbone": 1e-4})
    assert best.epochs == 3


def test_four_trainings_of_everything_leave_some_trained_to_the_end():
    halving = _halving()
    results = halving.search(4 * halving.time_full(6))
    assert [result.candidate.trained_blocks for result in results if result.epochs == 3]


def test_no_room_is_an_error():
    with pytest.raises(InputError, match="no candidate trains to the end within a budget of 1 s"):
        _halving().search(1.0)


def test_a_budget_for_short_trainings_alone_is_an_error():
    halving = _halving()
    full = halving.time_full(6)
    with pytest.raises(InputError, match="no candidate trains to the end"):
        halving.search(full / 3)


def test_a_diverged_candidate_is_never_chosen_nor_on_the_frontier():
    results = [
        Result(candidate=Candidate(1, 1), epochs=0, score=score, seconds=1.0)
        for score in (None, 0.8, 0.805)
    ]
    assert cheapest_within(results, [0.0, 2.0, 3.0], 1.0) == 1
    assert cheapest_within(results, [0.0, 2.0, 3.0], 0.0) == 2
    assert frontier(results, [0.0, 2.0, 3.0]) == [1, 2]
