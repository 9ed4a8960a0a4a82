"""A part of a recipe has no keys but its own, and its errors have a place."""

import pydantic
import pytest

from mtl_keras.errors import InputError
from mtl_keras.recipes.strict import Strict, check_at


class Part(Strict):
    name: str = ""


def test_an_unknown_key_is_refused():
    with pytest.raises(pydantic.ValidationError) as error:
        Part(nome="x")
    assert error.value.errors()[0]["type"] == "extra_forbidden"


def test_a_number_is_taken_for_the_text_that_it_looks_like():
    assert Part(name=3).name == "3"


def _refuse(name: str) -> None:
    raise InputError(f"not {name}")


def test_a_declarations_error_is_at_its_place():
    with pytest.raises(pydantic.ValidationError) as error:
        check_at(("tasks", "topic"), _refuse, "{this}")
    [actual] = error.value.errors()
    assert (actual["loc"], actual["msg"]) == (("tasks", "topic"), "not {this}")
    check_at((), str, "fine")
