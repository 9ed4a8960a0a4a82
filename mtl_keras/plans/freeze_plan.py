"""Freeze plans: values that name frozen layer groups and are applied to a model."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from mtl_keras.display import one_line
from mtl_keras.errors import InputError, shown
from mtl_keras.plans.layer_groups import (
    EMBEDDINGS,
    Grouped,
    backbone_of,
    depth_of,
    head_group,
    height_of,
    owners_of,
    tasks_of,
)

PRESETS = ("none", "all", "backbone", "trunk", "head:<task>", "lowest:<k>", "top:<k>")
_NAME = r"[a-z][a-z0-9_]*"
_COUNT = "[0-9]{1,4}"
_PRESET = rf"none|all|backbone|trunk|head:{_NAME}|(lowest|top):{_COUNT}"
_BLOCKS = rf"block_({_COUNT})(?:-({_COUNT}))?(@{_NAME}(?:-{_NAME})*)?"
_GROUPS = rf"{EMBEDDINGS}|{_BLOCKS}|heads/{_NAME}"


@dataclass(frozen=True)
class FreezePlan:
    """Which layer groups are frozen. Everything else trains.

    Args:
        rule: one or several of these, joined by ` + `: the presets `none`, `all`, `backbone`
            (embeddings and every block), `trunk` (those of them that are no task's own),
            `head:<task>` (that head), `lowest:<k>` (embeddings and the k lowest blocks), `top:<k>`
            (embeddings and all but the k top blocks); and the
            groups themselves: `embeddings`, `block_3`, `block_0-7` (a range), `heads/<task>`. All
            of these mean a task's own blocks too; `block_4@<task>` means these alone.

    Raises:
        InputError: a rule that is none of these, a range that runs backwards.

    Example:

    >>> groups = ["embeddings", "block_0", "block_1", "heads/topic"]
    >>> FreezePlan.lowest(1).frozen(groups)
    ('embeddings', 'block_0')
    >>> FreezePlan("backbone").frozen(groups) == FreezePlan.top(0).frozen(groups)
    True
    >>> print(FreezePlan.lowest(0) | FreezePlan.head("topic"))
    lowest:0 + head:topic
    """

    rule: str = "none"

    def __post_init__(self) -> None:
        if not isinstance(self.rule, str):
            raise InputError(f"a freeze plan is a string, 'top:2'. Received: {shown(self.rule)}")
        for term in self.terms:
            if not re.fullmatch(f"{_PRESET}|{_GROUPS}", term):
                raise InputError(
                    f"a freeze plan is one of {', '.join(PRESETS)}, or names of layer groups "
                    f"(embeddings, block_0, block_0-3, block_5@<task>, heads/<task>), joined by "
                    f"' + '. "
                    f"Received: {term!r}"
                )
            _blocks_in(term)

    def __or__(self, other: "FreezePlan") -> "FreezePlan":
        """Returns a plan that freezes what either plan freezes."""
        return FreezePlan.of(dict.fromkeys((*self.terms, *other.terms)))

    def __str__(self) -> str:
        return self.rule

    @classmethod
    def none(cls) -> "FreezePlan":
        """Everything trains."""
        return cls("none")

    @classmethod
    def all(cls) -> "FreezePlan":
        """Nothing trains: for evaluation and feature extraction."""
        return cls("all")

    @classmethod
    def backbone(cls) -> "FreezePlan":
        """Only the heads train."""
        return cls("backbone")

    @classmethod
    def trunk(cls) -> "FreezePlan":
        """Only what tasks have for themselves trains: their heads and own blocks."""
        return cls("trunk")

    @classmethod
    def head(cls, task: str) -> "FreezePlan":
        """Everything but one task's head trains."""
        return cls(f"head:{task}")

    @classmethod
    def lowest(cls, k: int) -> "FreezePlan":
        """The embeddings and the k lowest blocks are frozen."""
        return cls(f"lowest:{k}")

    @classmethod
    def top(cls, k: int) -> "FreezePlan":
        """Of the backbone only the k top blocks train."""
        return cls(f"top:{k}")

    @classmethod
    def of(cls, terms: Iterable[str]) -> "FreezePlan":
        """Returns the plan that freezes what any of these rules or groups does; none if empty."""
        return cls(" + ".join(terms) or "none")

    @property
    def terms(self) -> tuple[str, ...]:
        """The rules that the plan joins."""
        return tuple(term.strip() for term in self.rule.split("+"))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks whose heads the plan names."""
        named = (re.fullmatch(rf"(?:head:|heads/)({_NAME})", term) for term in self.terms)
        return tuple(match[1] for match in named if match)

    def frozen(self, groups: Sequence[str]) -> tuple[str, ...]:
        """Returns which of these layer groups are frozen, lowest first.

        Raises:
            InputError: a block or head that is not among the groups; it lists those that are.
        """
        cold = {name for term in self.terms for name in _frozen_by(term, groups)}
        return tuple(name for name in groups if name in cold)

    def within(self, blocks: int) -> "FreezePlan":
        """Returns the same plan for an encoder of which only the lowest `blocks` are used.

        Example:

        >>> print((FreezePlan.lowest(4) | FreezePlan("block_1-5")).within(3))
        lowest:3 + block_1-2
        """
        terms = [kept for term in self.terms if (kept := _within(term, blocks))]
        return FreezePlan.of(terms or ["none"])

    def apply(self, model: Grouped) -> "Trainability":
        """Freezes the model's layer groups, unfreezes the others, and returns the resulting table.

        It takes effect at once, also on a compiled `MultiTaskModel`.
        """
        frozen = self.frozen(list(model.layer_groups))
        for name, layers in model.layer_groups.items():
            for layer in layers:
                layer.trainable = name not in frozen
        return trainability(model)


@dataclass(frozen=True)
class GroupState:
    """One row of the trainability table: a layer group, its weights, whether it trains."""

    group: str
    parameters: int
    trains: bool


class Trainability(tuple[GroupState, ...]):
    """The current state of a model's layer groups, lowest first; prints as a table."""

    def __str__(self) -> str:
        return self._table("simple")

    def _repr_html_(self) -> str:
        return self._table("html")

    def _table(self, form: str) -> str:
        rows = [
            (one_line(row.group), row.parameters, "trains" if row.trains else "frozen")
            for row in self
        ]
        return tabulate(rows, headers=("group", "parameters", ""), intfmt=",", tablefmt=form)


def trainability(model: Grouped) -> Trainability:
    """Returns the table of a model's layer groups in their current state, lowest first."""
    return Trainability(
        GroupState(
            group=name,
            parameters=sum(layer.count_params() for layer in layers),
            trains=any(layer.trainable for layer in layers),
        )
        for name, layers in model.layer_groups.items()
    )


def backbone_trains(model: Grouped) -> bool:
    """Returns whether any part of the encoder trains."""
    layers = itertools.chain.from_iterable(model.layer_groups.backbone.values())
    return any(layer.trainable for layer in layers)


def named_groups(name: str, groups: Sequence[str]) -> list[str]:
    """Returns the layer groups that a name stands for: itself, or for `block_0-3` blocks 0 to 3.

    A block that is no task's own stands for its copies too.

    Raises:
        InputError: a group that the model lacks; the message lists the model's groups.

    Example:

    >>> named_groups("block_0-1", ["block_0", "block_1@topic", "block_1@mood"])
    ['block_0', 'block_1@topic', 'block_1@mood']
    """
    named: list[str] = []
    for one in _blocks_in(name) or [name]:
        of_one = [group for group in groups if one in (group, group.partition("@")[0])]
        if not of_one:
            raise InputError(f"there is no layer group {name!r}; there are {', '.join(groups)}")
        named += of_one
    return named


def names_within(name: str, blocks: int) -> str:
    """Cuts a layer group's name, or a range, down to the lowest blocks; empty if none is left.

    Example:

    >>> names_within("block_1-5", 3), names_within("block_3", 3), names_within("heads/topic", 3)
    ('block_1-2', '', 'heads/topic')
    """
    match = re.fullmatch(_BLOCKS, name)
    if not match or int(match[2] or match[1]) < blocks:
        return name
    owners = match[3] or ""
    return f"block_{match[1]}-{blocks - 1}{owners}" if int(match[1]) < blocks else ""


def check_group(name: str) -> None:
    """Raises `InputError` if a name is neither that of a layer group nor a range."""
    if not re.fullmatch(_GROUPS, name):
        raise InputError(
            "a layer group is embeddings, block_0, block_0-3 (a range), block_5@<task> (its own) "
            f"or heads/<task>. Received: {name!r}"
        )
    _blocks_in(name)


def _blocks_in(name: str) -> list[str]:
    """Returns the blocks of a range such as `block_0-3`; empty if it is no range."""
    match = re.fullmatch(_BLOCKS, name)
    if not match or match[2] is None:
        return []
    first, last, owners = int(match[1]), int(match[2]), match[3] or ""
    if first > last:
        raise InputError(f"the range {name!r} runs backwards; write block_{last}-{first}{owners}")
    return [f"block_{index}{owners}" for index in range(first, last + 1)]


def _within(term: str, blocks: int) -> str:
    word, _, argument = term.partition(":")
    if word in ("lowest", "top"):
        return f"{word}:{min(int(argument), blocks)}"
    return names_within(term, blocks)


def _frozen_by(term: str, groups: Sequence[str]) -> Sequence[str]:
    backbone = backbone_of(groups)
    word, _, argument = term.partition(":")
    if word == "head":
        return [_known_head(term, argument, tasks_of(groups))]
    if word in ("lowest", "top"):
        depth = depth_of(groups)
        count = _known_count(term, int(argument), depth)
        lowest = count if word == "lowest" else depth - count
        return [group for group in backbone if height_of(group) < lowest]
    presets: dict[str, Sequence[str]] = {"none": [], "all": groups, "backbone": backbone}
    presets["trunk"] = [group for group in backbone if not owners_of(group)]
    return presets[term] if term in presets else named_groups(term, groups)


def _known_head(term: str, task: str, tasks: Sequence[str]) -> str:
    if task not in tasks:
        raise InputError(
            f"freeze {term!r}: there is no task {task!r}; there are {', '.join(tasks)}"
        )
    return head_group(task)


def _known_count(term: str, count: int, depth: int) -> int:
    if count > depth:
        raise InputError(
            f"freeze {term!r}: the encoder has {depth} blocks; choose a number from 0 to {depth}"
        )
    return count
