"""Methods of a class whose functions stand in later rooms and load at the first call."""

import importlib
import types
from collections.abc import Callable
from typing import Any

PACKAGE = "mtl_keras"


class LateMethod:
    """A method whose function stands in another room.

    Training, evaluation and export import the model, so the model cannot import them. A method
    that a program calls, such as `model.fit_stages(…)`, is a function there whose first parameter
    is `model`; this class names it. Nothing in the model's own room calls it.

    Args:
        module: the module with the function, relative to the package.
        name: name of the function; None if it is the method's.

    Example:

    >>> class Answers:
    ...     shown = LateMethod("errors")
    >>> Answers.shown("x")
    "'x'"
    """

    def __init__(self, module: str, name: str | None = None):
        self.module = module
        self.name = name or ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    @property
    def function(self) -> Callable:
        """The function, imported at the first access."""
        function: Callable = getattr(importlib.import_module(f"{PACKAGE}.{self.module}"), self.name)
        return function

    def __get__(self, instance: Any, owner: type) -> Callable:
        if instance is None:
            return self.function
        return types.MethodType(self.function, instance)
