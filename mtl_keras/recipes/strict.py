"""The base of every part of a recipe: no unknown keys, and errors that name their place."""

from collections.abc import Callable, Sequence
from typing import Any

import pydantic
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from mtl_keras.errors import InputError


class Strict(pydantic.BaseModel):
    """A part of a recipe. Unknown keys are errors."""

    model_config = pydantic.ConfigDict(extra="forbid", coerce_numbers_to_str=True)


def check_at(place: Sequence[str | int], check: Callable, *arguments: Any) -> None:
    """Runs a declaration's own check, and reports its error at this place of the recipe."""
    try:
        check(*arguments)
    except InputError as error:
        kind = PydanticCustomError("declaration", "{message}", {"message": str(error)})
        details = InitErrorDetails(type=kind, loc=tuple(place), input=None)
        raise ValidationError.from_exception_data("recipe", [details]) from None
