"""Methods of a class whose functions stand in later rooms, loaded when first asked for."""

import importlib
import types
from collections.abc import Callable
from typing import Any

PACKAGE = "mtl_keras"


class LateMethod:
    """A method whose function another room has.

    Training, evaluation and export import the model, so the model cannot import them. What a
    program asks of its model, as `model.fit_stages(…)`, is a function there whose first parameter
    is `model`; this names it. Nothing in the model's own room calls it.

    Args:
        module: that has the function, below the package.
        name: of the function; None: the method's.

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
        """The function itself."""
        found: Callable = getattr(importlib.import_module(f"{PACKAGE}.{self.module}"), self.name)
        return found

    def __get__(self, instance: Any, owner: type) -> Callable:
        if instance is None:
            return self.function
        return types.MethodType(self.function, instance)
