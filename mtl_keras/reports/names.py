"""Names in pictures: short, and never cut in what tells them apart."""

import itertools
from collections.abc import Iterable, Sequence

from mtl_keras.display import one_line

LONGEST_NAME = 18


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """Returns a name on one line, a long one without its middle.

    Example:

    >>> short("topic"), short("head_frozen:intention_of_writer")
    ('topic', 'head_frozen…writer')
    """
    name = one_line(name)
    return name if len(name) <= longest else f"{name[: longest - 7]}…{name[-6:]}"


def short_names(names: Iterable[str], longest: int = LONGEST_NAME) -> dict[str, str]:
    """Name → `short(name)`; names that would become alike keep what tells them apart.

    Example:

    >>> list(short_names(["head_frozen:topic+replay", "head_frozen:tone+replay"]).values())
    ['…:topic+replay', '…:tone+replay']
    """
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        alike.setdefault(short(name, longest), []).append(name)
    shortened: dict[str, str] = {}
    for cut, group in alike.items():
        shortened |= {group[0]: cut} if len(group) == 1 else _told_apart(group, longest)
    return shortened


def _told_apart(names: Sequence[str], longest: int) -> dict[str, str]:
    """Long names from where they begin to differ; numbered if that is not enough."""
    lines = [one_line(name) for name in names]
    start = max(0, _common_start(lines) - 3)
    cut = [f"…{_without_end(line[start:], longest)}" for line in lines]
    if len({*cut}) < len(cut):
        cut = [f"{line[: longest - 6]}… ({number})" for number, line in enumerate(lines, 1)]
    return dict(zip(names, cut, strict=True))


def _common_start(lines: Sequence[str]) -> int:
    """How many letters all lines begin with."""
    alike = (len({*letters}) == 1 for letters in zip(*lines, strict=False))
    return sum(1 for _ in itertools.takewhile(bool, alike))


def _without_end(line: str, longest: int) -> str:
    return line if len(line) < longest else f"{line[: longest - 2]}…"
