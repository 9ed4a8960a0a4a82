"""Names of passes: an epoch and a number, whatever the process did before."""

import itertools

from mtl_keras.data.epoch_order import OngoingPasses, Passes


def test_an_epoch_that_begins_again_names_its_passes_again():
    passes = Passes()
    first = list(itertools.islice(passes, 3))
    passes.begin(7)
    assert next(passes) == (7, 0)
    passes.begin(0)
    assert list(itertools.islice(passes, 3)) == first == [(0, 0), (0, 1), (0, 2)]


def test_no_two_passes_of_an_epoch_have_one_name():
    passes = Passes(epoch=4)
    first, second = iter(passes), iter(passes)
    assert [next(first), next(second), next(first)] == [(4, 0), (4, 1), (4, 2)]


def test_each_iteration_over_ongoing_passes_begins_with_the_first():
    passes = OngoingPasses(epoch=4)
    first, second = iter(passes), iter(passes)
    assert [next(first), next(first), next(second), next(first)] == [
        (4, 0),
        (4, 1),
        (4, 0),
        (4, 2),
    ]
