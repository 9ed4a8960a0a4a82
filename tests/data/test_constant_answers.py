"""Answers that read no text."""

from collections import Counter

import pytest

from mtl_keras.data.constant_answers import (
    BestLabels,
    ConstantAnswer,
    MeanNumber,
    MostFrequentLabel,
    NoSpan,
)


def test_one_label_is_the_most_frequent_one_and_of_equals_the_first():
    rule = MostFrequentLabel()
    assert rule.best(Counter(a=1, b=3, c=3), 7, None) == ConstantAnswer("'b'", ("b",))
    assert rule.sums(ConstantAnswer("'b'", ("b",)), Counter(a=3, b=1), 4) == (1, 4)
    assert rule.sums(ConstantAnswer("'b'", ("b",)), Counter(a=3), 3) == (0, 3)


def test_several_labels_are_those_with_the_best_f1():
    rule = BestLabels()  # of [a b], [a b], [a c], [a]
    answer = rule.best(Counter(a=4, b=2, c=1), 4, None)
    assert answer == ConstantAnswer("'a', 'b'", ("a", "b"))
    part, whole = rule.sums(answer, Counter(a=4, b=2, c=1), 4)
    assert part / whole == pytest.approx(2 * 6 / (8 + 7))


def test_no_span_scores_nothing():
    answer = NoSpan().best(Counter(), 0, None)
    assert answer == ConstantAnswer("no span")
    assert NoSpan().sums(answer, Counter(city=3), 2) == (0, 3)


def test_a_number_is_the_mean_which_counts_do_not_judge():
    answer = MeanNumber().best(Counter(), 2, 2.5)
    assert answer == ConstantAnswer("2.5, the mean of training", number=2.5)
    assert MeanNumber().sums(answer, Counter(), 2) == (0, 0)


@pytest.mark.parametrize("rule", [MostFrequentLabel(), BestLabels(), MeanNumber()])
def test_without_examples_to_go_by_there_is_none(rule):
    assert rule.best(Counter(a=0, b=0), 0, None) is None
