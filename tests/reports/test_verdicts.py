"""A task's sentence."""

import pytest

from mtl_keras.data.task import Task
from mtl_keras.reports.verdicts import verdict

SCORED = {"examples": 1200, "low": 0.4, "high": 0.6}


@pytest.mark.parametrize(
    ("metric", "constant", "compared"),
    [
        ("accuracy", 0.3, "better than"),
        ("accuracy", 0.5, "not shown to be better than"),
        ("accuracy", 0.7, "worse than"),
        ("mae", 0.3, "worse than"),
        ("mae", 0.7, "better than"),
    ],
)
def test_a_score_is_compared_with_an_answer_without_reading(metric, constant, compared):
    kind = "classification" if metric == "accuracy" else "regression"
    metrics = SCORED | {metric: 0.5}
    sentence = verdict(Task("t", kind=kind), "test", metrics, {"words": "X", "value": constant})
    assert sentence == (
        f"{metric} 0.500 (95% interval 0.400 to 0.600) on 1,200 test examples: {compared} the "
        f"{constant:.3f} of always answering X."
    )


def test_what_is_unknown_is_not_said():
    metrics = {"accuracy": 0.5, "examples": 10}
    assert verdict(Task("t"), "test", metrics, None) == "accuracy 0.500 on 10 test examples."
    undefined = {"span_f1": None, "examples": 10, "notes": {"span_f1": "undefined: no span"}}
    sentence = verdict(Task("t", kind="tagging"), "test", undefined, None)
    assert sentence == "span_f1 is undefined on 10 test examples: no span."
