"""How single values of a recipe are read."""

import pydantic
import pytest

from mtl_keras.errors import InputError
from mtl_keras.plans.combination import SUM, CAGrad, PCGrad
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.protection import Distillation, GradientProjection
from mtl_keras.plans.weighting import DWA, Uncertainty
from mtl_keras.recipes.values import (
    Number,
    Whole,
    combination,
    freeze_plan,
    loss_weighting,
    paths,
    protection,
    true_false_or_auto,
)


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (Number, "1e-3", 1e-3),
        (Number, 2, 2.0),
        (Whole, 1.0e20, 10**20),
        (Whole, 7, 7),
    ],
)
def test_numbers_are_read_however_they_are_written(form, value, expected):
    assert pydantic.TypeAdapter(form).validate_python(value) == expected


@pytest.mark.parametrize("value", [True, "three", None, float("nan"), 1e39])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(pydantic.ValidationError, match="expected a finite number"):
        pydantic.TypeAdapter(Number).validate_python(value)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (paths, "a.csv", "a.csv"),
        (paths, ["a.csv", "b.csv"], ["a.csv", "b.csv"]),
        (paths, None, None),
        (freeze_plan, "top:2", FreezePlan.top(2)),
        (freeze_plan, ["embeddings", "block_0"], FreezePlan("embeddings + block_0")),
        (protection, None, None),
        (protection, "gradient_projection", GradientProjection()),
        (protection, {"by": "distillation", "weight": "2"}, Distillation(weight=2)),
        (combination, "sum", SUM),
        (combination, "pcgrad", PCGrad()),
        (combination, {"by": "cagrad", "c": "0.4"}, CAGrad(c=0.4)),
        (loss_weighting, "uncertainty", Uncertainty()),
        (loss_weighting, {"by": "dwa", "period": 50}, DWA(period=50)),
        (true_false_or_auto, "auto", "auto"),
        (true_false_or_auto, False, False),
    ],
)
def test_a_value_becomes_its_declaration(read, value, expected):
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (paths, "", "expected a path or a list of paths. Received: ''"),
        (paths, ["a.csv", 3], "expected a path or a list of paths"),
        (freeze_plan, "tip:2", "a freeze plan is one of"),
        (
            protection,
            {"weight": 2},
            "by must be one of gradient_projection, distillation",
        ),
        (protection, {"by": "gradient_projection", "t": 1}, "gradient_projection has no settings"),
        (protection, {"by": "distillation", "weight": "much"}, "weight: expected a finite number"),
        (combination, "pcgrd", "one of sum, pcgrad, .* 'pcgrd'; did you mean 'pcgrad'?"),
        (combination, None, "by must be one of sum, pcgrad"),
        (combination, {"by": "cagrad", "d": 1}, "unknown key 'd'; cagrad has c"),
        (combination, {"by": "cagrad", "c": -1}, "CAGrad c is a number above 0. Received: -1"),
        (loss_weighting, {"by": "famo", "rate": 1}, "famo has learning_rate, weight_decay"),
        (true_false_or_auto, "yes", "expected true, false or auto. Received: 'yes'"),
    ],
)
def test_what_a_value_cannot_be_is_refused(read, value, message):
    with pytest.raises(InputError, match=message):
        read(value)
