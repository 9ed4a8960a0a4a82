"""Checks of the numbers that a declaration has."""

import math
import numbers

from mtl_keras.errors import InputError, shown


def is_finite(value: object) -> bool:
    """Whether a value is a finite real number, and no boolean."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]


def count(value: object, least: str) -> int:
    """Returns a whole number of at least 1.

    Raises:
        InputError: it is not; the message begins with `least`.
    """
    if not (is_finite(value) and value == int(value) and value >= 1):  # type: ignore
        raise InputError(f"{least}. Received: {shown(value)}")
    return int(value)  # type: ignore[call-overload]


def check_number(value: object, name: str, *, above: float, most: float = math.inf) -> None:
    """Raises InputError if a setting is not a finite number in `(above, most]`.

    Example:

    >>> check_number(0.5, "CAGrad c", above=0.0)
    """
    if is_finite(value) and above < value <= most:  # type: ignore[operator]
        return
    limit = f"above {above:g}" + (f", at most {most:g}" if most < math.inf else "")
    raise InputError(f"{name} is a number {limit}. Received: {shown(value)}")
