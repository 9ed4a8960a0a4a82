"""What is taken for what."""

from mtl_keras.evaluation.confusions import (
    confused_labels,
    counts_by_label,
    most_frequent_confusions,
)
from mtl_keras.models.kinds.judgements import NOTHING

PAIRS = {("a", "a"): 3, ("a", "b"): 2, ("c", "c"): 9, (NOTHING, "b"): 1}


def test_the_labels_with_the_most_mistakes_are_kept():
    assert confused_labels(PAIRS, 2) == (["a", "b"], 2)
    assert confused_labels(PAIRS, 9) == (["a", "b", "c", NOTHING], 0)


def test_what_is_there_and_what_was_answered_is_counted_by_label():
    counts = counts_by_label(PAIRS)
    assert counts["a"] == {"right": 5, "answered": 3, "matched": 3}
    assert counts["b"] == {"right": 0, "answered": 3, "matched": 0}
    assert NOTHING not in counts


def test_the_most_frequent_confusion_is_first():
    assert most_frequent_confusions(PAIRS, 1) == [("a", "b", 2)]
