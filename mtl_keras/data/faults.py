"""Collects the faults of data, so that all of them are reported at once."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from mtl_keras.errors import InputError

MOST_OF_A_KIND = 20  # messages that are kept
MOST_KINDS = 150  # of a task; further kinds are counted as one
OTHERS = "others"
# What differs between faults of one kind: quoted values and numbers.
_VALUE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[0-9]+(?:[,.][0-9]+)*""")
_END = re.compile(r"[:;]|\. |, expected")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Faults of one kind in a split of a task.

    Args:
        task: the task's name; None if the fault concerns the whole recipe.
        split: `train`, `validation` or `test`; None if the fault concerns the whole task.
        messages: the first faults, in the words of the error that training would raise.
        more: how many further faults there are.
    """

    task: str | None
    split: str | None
    messages: tuple[str, ...]
    more: int = 0

    @property
    def count(self) -> int:
        """How many faults there are."""
        return len(self.messages) + self.more

    def in_words(self) -> list[str]:
        """The messages in a line each, and a line that counts the further ones."""
        rest = [f"… and {self.more:,} more of this kind"] if self.more else []
        return [*self.messages, *rest]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass
class FaultCollector:
    """Collects the faults of a task, at most `MOST_OF_A_KIND` messages of a kind in a split.

    Args:
        task: the task's name.

    Example:

    >>> collector = FaultCollector("mood")
    >>> for line in range(2, 24):
    ...     collector.add("train", InputError(f"a.csv:{line}: the text is empty; fill it in"))
    >>> fault, = collector.faults
    >>> fault.messages[0], fault.more
    ('a.csv:2: the text is empty; fill it in', 2)
    """

    task: str
    _messages: dict[tuple[str | None, str], list[str]] = field(default_factory=dict)
    _more: dict[tuple[str | None, str], int] = field(default_factory=dict)

    def add(self, split: str | None, error: InputError) -> None:
        """Adds a fault."""
        message = str(error)
        key = (split, kind_of(message))
        if key not in self._messages and len(self._messages) >= MOST_KINDS:
            key = (split, OTHERS)
        messages = self._messages.setdefault(key, [])
        if len(messages) < MOST_OF_A_KIND:
            messages.append(message)
        else:
            self._more[key] = self._more.get(key, 0) + 1

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults, in the order in which the first of each kind was added."""
        return tuple(
            Fault(
                task=self.task,
                split=key[0],
                messages=tuple(messages),
                more=self._more.get(key, 0),
            )
            for key, messages in self._messages.items()
        )


def kind_of(message: str) -> str:
    """What a fault is, without its place, values and cure.

    Example:

    >>> kind_of("a.csv:3: unknown label 'x'; the labels are 'a', 'b'; correct it")
    'unknown label …'
    """
    fault = message.partition(": ")[2] or message
    return _END.split(_VALUE.sub("…", fault), maxsplit=1)[0]
