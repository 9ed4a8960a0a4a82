"""Methods of the model whose functions stand in later rooms."""

import inspect

import pytest
from support.rooms import ROOMS, room_of

from mtl_keras.models.late_methods import LateMethod
from mtl_keras.models.task_data import HasTaskData

METHODS = {name: it for name, it in vars(HasTaskData).items() if isinstance(it, LateMethod)}


@pytest.mark.parametrize("name", METHODS)
def test_a_late_method_is_a_function_of_a_later_room_that_takes_the_model(name):
    method = METHODS[name]
    assert ROOMS.index(room_of(method.module)) > ROOMS.index("models")
    assert next(iter(inspect.signature(method.function).parameters)) == "model"


def test_it_is_called_with_its_object_and_shows_the_functions_help():
    class Quoted(str):
        shown = LateMethod("errors")
        hint = LateMethod("errors", "nearest")

    assert Quoted("a").shown() == "'a'"
    assert Quoted("tain").hint(["train"]) == "; did you mean 'train'?"
    assert Quoted("a").shown.__doc__ == Quoted.shown.__doc__
