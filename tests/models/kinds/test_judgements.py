"""What was right beside what was answered, of every kind."""

import numpy as np
import pytest

from mtl_keras.models.kinds.judgements import NOTHING, Judgement
from mtl_keras.models.kinds.table import TASK_KINDS


@pytest.mark.parametrize(
    ("kind", "label", "outputs", "expected"),
    [
        ("classification", 2, [0.25, 0.75], [("c", "b", 0.75, None)]),
        ("regression", 2.0, 2.5, [(2.0, 2.5, 0.5, None)]),
        (
            "multilabel",
            [1, 0, 1],
            [0.75, 0.625],
            [("a", "a", 0.75, None), (NOTHING, "b", 0.625, None), ("c", NOTHING, 1.0, None)],
        ),
        (
            "token_labels",
            [0, 1],
            [[0.25, 0.75], [0.0, 0.0]],
            [("a", "b", 0.75, (0, 1)), ("b", NOTHING, 0.0, (1, 2))],
        ),
        (
            "tagging",
            [1, 2, 0, 3],
            [[0, 0.5, 0, 0, 0.25], [0, 0, 0.75, 0, 0.25], [0, 0, 0, 1, 0], [0, 1, 0, 0, 0]],
            [
                ("a", "a", 0.625, (0, 2)),
                (NOTHING, "b", 1.0, (2, 3)),
                ("b", "a", 1.0, (3, 4)),
            ],
        ),
    ],
)
def test_a_kind_sets_answers_beside_what_is_right(kind, label, outputs, expected):
    judged = TASK_KINDS[kind].judged(["a", "b", "c"], label, np.array(outputs))
    assert judged == expected
    assert [part.is_wrong for part in judged] == [part[0] != part[1] for part in expected]


def test_what_is_equal_is_no_mistake():
    assert not Judgement("a", "a", 1.0).is_wrong
