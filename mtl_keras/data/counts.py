"""What is counted of a split's examples in one pass."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Moments:
    """How many numbers there are, their mean, and the sum of their squared distances from it.

    Welford, 1962, "Note on a method for calculating corrected sums of squares and products"; two
    together as by Chan, Golub & LeVeque, 1983.

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
        """Counts a number."""
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
    """How many examples there are, how often each label is given, and the moments of numbers."""

    examples: int
    labels: Counter[str]
    numbers: Moments = field(default_factory=Moments)

    @classmethod
    def sum(cls, counts: Iterable["Counts"]) -> "Counts":
        """All together."""
        examples, labels, numbers = 0, Counter[str](), Moments()
        for each in counts:
            examples += each.examples
            labels.update(each.labels)
            numbers = numbers + each.numbers
        return cls(examples, labels, numbers)

    def to_json(self) -> list:
        """As plain values."""
        numbers = self.numbers
        moments = [numbers.count, numbers.mean, numbers.squares]
        return [self.examples, dict(self.labels), moments]

    @classmethod
    def from_json(cls, values: list[Any]) -> "Counts":
        """What `to_json` gave."""
        examples, labels, moments = values
        return cls(examples, Counter(labels), Moments(*moments))
