"""Describes an error in a recipe in one line: the place, what is expected there, the cure."""

import typing
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from mtl_keras.errors import nearest, shown
from mtl_keras.recipes.schema import STAGE_ONLY, RecipeSchema
from mtl_keras.recipes.strict import Strict

Where = Callable[[Sequence[str | int]], str]  # a place in a recipe → its name in messages


def described(error: ValidationError, where: Where) -> str:
    """One line for the first error; an unknown key comes before a missing one."""
    errors = error.errors()
    unknown = (fault for fault in errors if fault["type"] == "extra_forbidden")
    first = next(unknown, errors[0])
    place = [step for step in first["loc"] if step not in ("plain", "by_split", "address")]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where(place)}: {_message(place, first)}{more}"


def _message(place: Sequence[str | int], error: Any) -> str:
    if error["type"] == "extra_forbidden":
        if place[:-1] == ["training"] and place[-1] in STAGE_ONLY:
            return f"belongs to a stage: write it in stages: [{{{place[-1]}: …}}]"
        keys = list(_model_at(place[:-1]).model_fields)
        hint = nearest(str(place[-1]), keys, cutoff=0.5) or ";"
        return f"unknown key{hint} known here: {', '.join(keys)}"
    if error["type"] == "missing":
        return "this key is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("declaration", "value_error"):
        return message
    if error["type"] in ("model_type", "dict_type", "list_type", "too_short"):
        return f"expected {_example(place)}. Received: {shown(error['input'])}"
    return f"{message[0].lower()}{message[1:]}. Received: {shown(error['input'])}"


# Examples for keys that hold more than one value.
EXAMPLES = {
    "columns": "a mapping such as {text: 0, label: 1}",
    "files": "a mapping such as {train: train.csv}",
    "groups": "a mapping such as {block_0-3: 1.0e-6}",
    "label_names": "a mapping such as {0: negative, 1: positive}",
    "labels": "a list such as [negative, positive]",
    "learning_rate": "a mapping such as {heads: 1.0e-3}",
    "loss_weights": "a mapping such as {topic: 0.5}",
    "stages": "a list such as [{freeze: backbone, epochs: 3}]",
    "tasks": "a mapping such as {topic: {files: {train: train.csv}}}",
    "training": "a mapping such as {plan: full}",
}


def _example(place: Sequence[str | int]) -> str:
    if place[:-1] == ["tasks"]:
        return "a mapping such as {files: {train: train.csv}}"
    if place[:-1] == ["training", "stages"]:
        return "a mapping such as {freeze: backbone, epochs: 3}"
    if "stages" in place and place[-1] == "tasks":
        return "a list of tasks"
    return EXAMPLES.get(str(place[-1]), EXAMPLES["columns"])


def _model_at(place: Sequence[str | int]) -> type[Strict]:
    """The schema that holds the keys at this place of a recipe."""
    model: type[Strict] = RecipeSchema
    for step in place:
        if step in model.model_fields:
            model = _schema_in(model.model_fields[str(step)].annotation) or model
    return model


def _schema_in(annotation: Any) -> type[Strict] | None:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    schemas = (_schema_in(argument) for argument in typing.get_args(annotation))
    return next(filter(None, schemas), None)
