"""Reads single values of a recipe: numbers, paths, freeze plans, protections, combinations."""

import contextlib
import dataclasses
import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from mtl_keras.data.cells import LARGEST_FLOAT32
from mtl_keras.data.hub_datasets import check_path, hub_dataset
from mtl_keras.data.splits import SPLITS
from mtl_keras.errors import InputError, nearest, shown
from mtl_keras.plans import combination as combinations
from mtl_keras.plans import weighting as weightings
from mtl_keras.plans.combination import Combination
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.protection import Distillation, GradientProjection, Protection, StartingWeights
from mtl_keras.plans.weighting import Weighting

LARGEST_SEED = 2**32 - 1  # of NumPy's random states
LARGEST_BATCH = 2**20
LARGEST_COUNT = 2**31 - 1  # TensorFlow's largest int32

PROTECTIONS: dict[str, type[Any]] = {
    "gradient_projection": GradientProjection,
    "distillation": Distillation,
    "starting_weights": StartingWeights,
}
COMBINATIONS: dict[str, type[Any]] = {
    "sum": combinations.Sum,
    "pcgrad": combinations.PCGrad,
    "gradvac": combinations.GradVac,
    "cagrad": combinations.CAGrad,
    "mgda": combinations.MGDA,
    "imtl_g": combinations.IMTLG,
    "nash": combinations.Nash,
    "aligned": combinations.Aligned,
    "upgrad": combinations.UPGrad,
    "db_mtl": combinations.DBMTL,
}
WEIGHTINGS: dict[str, type[Any]] = {
    "equal": weightings.Equal,
    "uncertainty": weightings.Uncertainty,
    "dwa": weightings.DWA,
    "rlw": weightings.RLW,
    "gls": weightings.GLS,
    "famo": weightings.FAMO,
    "stch": weightings.STCH,
}


def _whole(value: Any) -> Any:
    """The value, if it is not a boolean; as an int if it is a whole number, such as 1.0e+20."""
    if isinstance(value, bool):
        raise InputError(f"expected a whole number. Received: {value}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _number(value: Any) -> float:
    """A number, finite in float32. YAML reads `1e-3`, which has no point, as text."""
    number = math.nan
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if not abs(number) <= LARGEST_FLOAT32:
        raise InputError(f"expected a finite number, such as 1.0e-3. Received: {shown(value)}")
    return number


Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, BeforeValidator(_number)]


def paths(value: Any) -> str | list[str] | None:
    """A path, or a list of paths, none of them empty; None for a split without files."""
    if value is None:
        return None
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(path, str) and path for path in listed):
        raise InputError(f"expected a path or a list of paths. Received: {shown(value)}")
    for path in listed:
        check_path(path)
    return value


def address(value: str) -> str:
    """The address of a dataset of the Hugging Face hub."""
    if hub_dataset(value, SPLITS) is None:
        raise InputError(
            "expected a mapping such as {train: train.csv}, or hf://datasets/ORG/NAME. Received: "
            f"{shown(value)}"
        )
    return value


def freeze_plan(value: Any) -> FreezePlan:
    """A freeze plan, from one rule or a list of rules."""
    return FreezePlan.of(map(str, value)) if isinstance(value, list) else FreezePlan(str(value))


def protection(value: Any) -> Protection | None:
    """A protection, from `{by: distillation, weight: 2}` or its name alone."""
    return None if value is None else _by_name(value, PROTECTIONS)


def combination(value: Any) -> Combination:
    """A gradient combination, from `{by: cagrad, c: 0.4}` or its name alone."""
    return _by_name(value, COMBINATIONS)


def loss_weighting(value: Any) -> Weighting:
    """A loss weighting, from `{by: dwa, temperature: 1}` or its name alone."""
    return _by_name(value, WEIGHTINGS)


def true_false_or_auto(value: Any) -> bool | Literal["auto"]:
    """A boolean, or `auto`."""
    if value == "auto" or isinstance(value, bool):
        return value
    raise InputError(f"expected true, false or auto. Received: {shown(value)}")


def _by_name(value: Any, kinds: dict[str, type[Any]]) -> Any:
    """The value of a kind, with the settings in a mapping that names it as `by`."""
    settings = dict(value) if isinstance(value, dict) else {"by": value}
    name = str(settings.pop("by", None))
    if name not in kinds:
        hint = nearest(name, kinds)
        raise InputError(f"by must be one of {', '.join(kinds)}. Received: {shown(value)}{hint}")
    names = [field.name for field in dataclasses.fields(kinds[name])]
    for key in settings:
        if key not in names:
            has = ", ".join(names) or "no settings"
            raise InputError(f"unknown key {shown(key)}; {name} has {has}")
    return kinds[name](**{key: _setting(key, number) for key, number in settings.items()})


def _setting(key: str, value: Any) -> float:
    try:
        return _number(value)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
