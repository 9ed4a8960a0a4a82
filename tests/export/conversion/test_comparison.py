"""What a converted model may lose, and the table that says it."""

import numpy as np
import pytest

import mtl_keras as mtl
from mtl_keras.export.conversion.comparison import Conversion, OfTask

TOPIC = mtl.Task("topic", labels=["x", "y"])
STARS = mtl.Task("stars", kind="regression")


@pytest.mark.parametrize(
    ("task", "before", "after", "refused"),
    [
        (TOPIC, 0.90, {"accuracy": 0.90, "low": 0.88, "high": 0.92}, False),
        (TOPIC, 0.90, {"accuracy": 0.87, "low": 0.85, "high": 0.89}, True),
        (TOPIC, 0.90, {"accuracy": 0.87, "low": 0.80, "high": 0.93}, False),
        (TOPIC, 0.90, {"accuracy": np.nan, "low": np.nan, "high": np.nan}, True),
        (STARS, 1.00, {"mae": 1.05, "low": 1.02, "high": 1.1}, True),
        (STARS, 1.00, {"mae": 1.05, "low": 1.00, "high": 1.1}, False),
    ],
)
def test_a_metric_may_fall_by_a_hundredth_or_by_chance(task, before, after, refused):
    fault = OfTask(task, "test", {task.metric: before}, after, None).fault()
    assert (fault is not None) == refused
    if fault:
        assert f"and the model {before:.4f}, a larger change than its 95% interval" in fault


def test_an_undefined_metric_refuses_nothing_and_is_a_dash_in_the_table():
    task = mtl.Task("entities", kind="tagging", labels=["city"])
    undefined = {"span_f1": None, "low": None, "high": None, "examples": 9}
    compared = OfTask(task, "test", undefined, undefined, None)
    assert compared.fault() is None
    conversion = Conversion("model.onnx", 1, 0.0, 0.0, None, (1, 1), {}, {"entities": compared})
    assert [*conversion.rows()[-2].values()][1:] == ["-", "-", "-"]
    one_example = {"span_f1": 0.5, "low": None, "high": None}
    assert OfTask(task, "test", {"span_f1": 1.0}, one_example, None).fault() is not None


def test_a_table_without_held_out_examples():
    actual = Conversion("m.onnx", 3, 0.0, 2e-7, None, (2**20, 2**19), {1: (4.0, 1.0)}, {})
    assert [row["change"] for row in actual.rows()] == ["-50%", "-75%", ""]
    assert actual.rows()[-1]["m.onnx"] == "2e-07"
