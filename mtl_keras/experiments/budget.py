"""The budget of a search for learning rates, in epochs or minutes."""

import math
import re
from dataclasses import dataclass

from mtl_keras.errors import InputError, shown

MOST = 100_000  # epochs, or minutes


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A limit on the cost of the search for one model's learning rates.

    Args:
        epochs: passes over the training data; 0 for no search.
        minutes: of training; if given, they count instead of `epochs`.

    Raises:
        InputError: a number is out of range.

    Example:

    >>> str(Budget.parse("3")), str(Budget.parse("1.5min"))
    ('3 epochs', '1.5 minutes')
    """

    epochs: int = 3
    minutes: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.epochs <= MOST:
            raise InputError(f"a budget must be 0 to {MOST:,} epochs. Received: {self.epochs}")
        if self.minutes is not None and not (math.isfinite(self.minutes) and self.minutes > 0):
            raise InputError(
                f"a budget in minutes must be finite and above 0. Received: {self.minutes}"
            )

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Reads a budget: `3` or `3 epochs`, `10min` or `10 minutes`.

        Raises:
            InputError: the text has another form.
        """
        written = re.fullmatch(
            r"(\d{1,6}(?:\.\d{1,6})?) ?(?:(min(?:utes)?)|epochs?)?", text, re.ASCII
        )
        if not written or (not written[2] and "." in written[1]):
            raise InputError(
                "a budget must be a whole number of epochs, such as 3, or minutes, such as 10min. "
                f"Received: {shown(text)}"
            )
        return cls(minutes=float(written[1])) if written[2] else cls(epochs=int(written[1]))

    def __str__(self) -> str:
        if self.minutes is not None:
            return f"{self.minutes:g} minutes"
        return f"{self.epochs} {'epoch' if self.epochs == 1 else 'epochs'}"


DEFAULT_BUDGET = Budget()
