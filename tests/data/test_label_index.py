"""Labels as they are met, and in order."""

import pytest

from mtl_keras.data.examples import RowError
from mtl_keras.data.label_index import KnownLabels, NewLabels, sorted_labels


@pytest.mark.parametrize(
    ("met", "in_order"),
    [("10 9 -1 2", "-1 2 9 10"), ("10 9 x", "10 9 x"), ("b a B", "B a b"), ("1 01", "01 1")],
)
def test_new_labels_are_sorted_whole_numbers_by_value(met, in_order):
    labels = NewLabels()
    assert [labels[label] for label in met.split()] == list(range(len(labels)))
    assert sorted_labels(labels) == in_order.split()


def test_a_label_that_is_not_listed_is_an_error():
    labels = KnownLabels(["x", "y"])
    assert labels["y"] == 1
    with pytest.raises(RowError, match="unknown label 'z'; the labels are 'x', 'y'; correct it"):
        labels["z"]


def test_the_nearest_label_is_looked_for_a_thousand_times_at_most():
    labels = KnownLabels(["refund", "delivery"])
    for _ in range(2):
        with pytest.raises(RowError, match="did you mean 'refund'"):
            labels["refunds"]
    for number in range(1000):
        with pytest.raises(RowError):
            labels[f"x{number}"]
    with pytest.raises(RowError, match="unknown label 'deliver'; the labels are 'refund', 'del"):
        labels["deliver"]
    with pytest.raises(RowError, match="did you mean 'refund'"):
        labels["refunds"]
