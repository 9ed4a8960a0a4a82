"""Calibration: by hand, of probabilities that hold what they say, and of any others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.calibration import NUM_BINS, Calibration, top_label_error
from mtl_keras.models.kinds.table import kind_of

predictions = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50)


def _error(pairs) -> float | None:
    calibration = Calibration()
    calibration.add(*map(np.array, zip(*pairs, strict=True)))
    return calibration.error()


def test_an_error_by_hand():
    # Bins are a fifteenth wide: 0.62 and 0.66 share (0.6, 0.667], 0.7 is in the next one.
    pairs = [(0.62, True), (0.66, False), (0.7, True), (0.95, True), (0.98, False)]
    expected = 2 / 5 * abs(0.5 - 0.64) + 1 / 5 * abs(1 - 0.7) + 2 / 5 * abs(0.5 - 0.965)
    assert _error(pairs) == pytest.approx(expected)


def test_a_bin_holds_its_upper_end():
    assert _error([(1 / NUM_BINS, True), (0.0, False)]) == pytest.approx((1 - 1 / NUM_BINS) / 2)
    assert _error([(1.0, False)]) == 1.0


def test_without_a_prediction_there_is_no_error():
    assert Calibration().error() is None


@given(predictions)
def test_an_error_lies_between_0_and_1(pairs):
    assert 0 <= _error(pairs) <= 1


@given(predictions, st.integers(0, 50))
def test_parts_and_the_whole_have_one_error(pairs, place):
    calibration = Calibration()
    for part in (pairs[:place], pairs[place:]):
        calibration.add(np.array([pair[0] for pair in part]), np.array([pair[1] for pair in part]))
    assert calibration.error() == pytest.approx(_error(pairs))


@given(st.integers(0, 2**32 - 1))
def test_answers_that_are_right_as_often_as_they_say_have_nearly_none(seed):
    generator = np.random.default_rng(seed)
    confidences = generator.random(20_000)
    calibration = Calibration()
    calibration.add(confidences, generator.random(20_000) < confidences)
    assert calibration.error() < 0.03


def test_the_likeliest_class_is_what_counts():
    scores = np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]])
    expected = (abs(1 - 0.9) + abs(0 - 0.7) + abs(0 - 0.8)) / 3
    assert top_label_error(np.array([0, 0, 2]), scores) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "labels", "outputs", "expected"),
    [
        ("classification", [0, 2], [[0.9, 0.1], [0.6, 0.4]], (0.1 + 0.6) / 2),
        # 0.3 and 0.9 of the label there is, 0.2 and 0.7 of the other; training lacks the third.
        ("multilabel", [[1, 0, 1], [1, 0, 0]], [[0.3, 0.2], [0.9, 0.7]],
         (0.7 + 0.2 + 0.1 + 0.7) / 4),
        ("tagging", [[1, 0]], [[[0.1, 0.7, 0.2], [0.2, 0.9, 0]]], (0.3 + 0.9) / 2),
        # The last word was not read.
        ("token_labels", [[1, 0, 0]], [[[0.3, 0.7], [0.1, 0.9], [0, 0]]], (0.3 + 0.9) / 2),
        ("regression", [1.0], [2.0], None),
    ],
)  # fmt: skip
def test_each_kind_measures_what_it_has_probabilities_of(kind, labels, outputs, expected):
    names = ["a", "b"][: 1 if kind == "tagging" else 2]
    task = Task("task", kind, () if kind == "regression" else names)
    measured = kind_of(task).measured(task, [(labels, [np.array(output) for output in outputs])])
    assert measured["ece"] == (None if expected is None else pytest.approx(expected))
    assert [*measured][-1] == "notes" or [*measured][-2:] == ["ece", "loss"]


def test_the_curve_has_a_point_a_bin():
    calibration = Calibration()
    calibration.add(np.array([0.9, 0.9, 0.6]), np.array([True, False, True]))
    assert calibration.curve() == [
        {"count": 1, "confidence": pytest.approx(0.6), "right": pytest.approx(1.0)},
        {"count": 2, "confidence": pytest.approx(0.9), "right": pytest.approx(0.5)},
    ]
