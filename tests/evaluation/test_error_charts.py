"""Pictures of mistakes."""

from collections import Counter

import pytest

from mtl_keras.evaluation.error_charts import cloud, confusion_matrix
from mtl_keras.models.kinds.judgements import NOTHING


def test_a_matrix_has_a_row_for_what_is_right_and_a_column_for_what_was_answered():
    pairs = Counter({("b", "a"): 1500, ("$a$\x1b", "$a$\x1b"): 2, (NOTHING, "b"): 1})
    drawn = confusion_matrix(pairs, title="topic, test")
    (axes,) = drawn.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$a$\\x1b", "a", "b", NOTHING]
    assert [text.get_text() for text in axes.texts] == ["2", "1,500", "1"]
    assert axes.texts[1].get_position() == (1, 2)
    assert "<svg" in drawn._repr_svg_()


def test_of_many_labels_those_with_most_mistakes_are_shown():
    pairs = Counter({(str(n), str(n + 1)): n + 1 for n in range(40)})
    (axes,) = confusion_matrix(pairs, title="topic").axes
    assert len(axes.get_yticklabels()) == 30
    assert axes.get_title() == "topic\nwithout 11 labels of fewer mistakes"


@pytest.mark.parametrize("pairs", [{(1.0, 2.0): 1, (3.0, 3.0): 2}, {(1.0, 1.0): 1}])
def test_numbers_are_a_cloud(pairs):
    (axes,) = cloud(Counter(pairs), title="stars").axes
    assert len(axes.collections[0].get_offsets()) == sum(pairs.values())
