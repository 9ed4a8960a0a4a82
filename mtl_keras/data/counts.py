"""Counts and moments of a split's examples, collected in one pass."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Moments:
    """Count and mean of numbers, and the sum of their squared distances from the mean.

    Welford, 1962, "Note on a method for calculating corrected sums of squares and products". Two
    are combined as in Chan, Golub & LeVeque, 1983.

    Example:

    >>> moments = Moments()
    >>> for number in (1000.0, 3000.0):
    ...     moments.add(number)
    >>> moments.scale
    (2000.0, 1000.0)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, number: float) -> None:
        """Adds a number."""
        self.count += 1
        distance = number - self.mean
        self.mean += distance / self.count
        self.squares += distance * (number - self.mean)

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        if not count:
            return self
        distance = other.mean - self.mean
        mean = self.mean + distance * (other.count / count)
        between = distance**2 * (self.count * other.count / count)
        return Moments(count, mean, self.squares + other.squares + between)

    @property
    def scale(self) -> tuple[float, float]:
        """Mean and standard deviation; 1 if all are equal."""
        deviation = (self.squares / self.count) ** 0.5 if self.count else 0.0
        return self.mean, deviation or 1.0


@dataclass(frozen=True)
class Counts:
    """The number of examples, the count of each label, and the moments of numbers."""

    examples: int
    labels: Counter[str]
    numbers: Moments = field(default_factory=Moments)

    @classmethod
    def sum(cls, counts: Iterable["Counts"]) -> "Counts":
        """The sum of several counts."""
        examples, labels, numbers = 0, Counter[str](), Moments()
        for part in counts:
            examples += part.examples
            labels.update(part.labels)
            numbers = numbers + part.numbers
        return cls(examples, labels, numbers)

    def to_json(self) -> list:
        """As plain values."""
        numbers = self.numbers
        moments = [numbers.count, numbers.mean, numbers.squares]
        return [self.examples, dict(self.labels), moments]

    @classmethod
    def from_json(cls, values: list[Any]) -> "Counts":
        """The counts that `to_json` returned."""
        examples, labels, moments = values
        return cls(examples, Counter(labels), Moments(*moments))
