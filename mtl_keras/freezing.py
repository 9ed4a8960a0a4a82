"""Which layer groups are frozen: a plan is a value over group names, applied to a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mtl_keras.errors import InputError

EMBEDDINGS = "embeddings"
PRESETS = ("none", "all", "backbone", "head:<task>", "lowest:<k>", "top:<k>")


@dataclass(frozen=True)
class FreezePlan:
    """Which layer groups are frozen. Everything else trains.

    Args:
        rule: `none`, `all`, `backbone` (embeddings and every block), `head:<task>` (that head),
            `lowest:<k>` (embeddings and the k lowest blocks), or `top:<k>` (embeddings and all
            but the k top blocks).

    Raises:
        InputError: a rule that is none of these.

    Example:

    >>> groups = ["embeddings", "block_0", "block_1", "heads/topic"]
    >>> FreezePlan.lowest(1).frozen(groups)
    ('embeddings', 'block_0')
    >>> FreezePlan("backbone").frozen(groups) == FreezePlan.top(0).frozen(groups)
    True
    """

    rule: str = "none"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"none|all|backbone|head:[a-z][a-z0-9_]*|(lowest|top):\d+", self.rule):
            raise InputError(
                f"a freeze plan is one of {', '.join(PRESETS)}. Received: {self.rule!r}"
            )

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

    def frozen(self, groups: Sequence[str]) -> tuple[str, ...]:
        """The frozen ones of these layer groups, lowest first.

        Raises:
            InputError: a block or head that is not among the groups; it lists those that are.
        """
        heads = [name for name in groups if name.startswith("heads/")]
        backbone = [name for name in groups if name not in heads]
        word, _, argument = self.rule.partition(":")
        if word == "head":
            return (self._known_head(argument, heads),)
        if word in ("lowest", "top"):
            blocks = [name for name in backbone if name != EMBEDDINGS]
            count = self._known_count(int(argument), blocks)
            kept = len(blocks) - count if word == "lowest" else count
            return tuple(backbone[: len(backbone) - kept])
        return tuple({"none": [], "all": groups, "backbone": backbone}[word])

    def apply(self, model) -> "FreezePlan":
        """Freezes the model's layer groups, thaws the others, and returns the plan.

        It takes effect at once, also on a compiled `MultiTaskModel`.
        """
        frozen = self.frozen(list(model.layer_groups))
        for name, layers in model.layer_groups.items():
            for layer in layers:
                layer.trainable = name not in frozen
        return self

    def _known_head(self, task: str, heads: Sequence[str]) -> str:
        if f"heads/{task}" not in heads:
            known = ", ".join(name.removeprefix("heads/") for name in heads)
            raise InputError(f"freeze {self.rule!r}: there is no task {task!r}; there are {known}")
        return f"heads/{task}"

    def _known_count(self, count: int, blocks: Sequence[str]) -> int:
        if count > len(blocks):
            raise InputError(
                f"freeze {self.rule!r}: the encoder has {len(blocks)} blocks; "
                f"choose a number from 0 to {len(blocks)}"
            )
        return count


@dataclass(frozen=True)
class GroupState:
    """One row of the trainability table: a layer group, its weights, whether it trains."""

    group: str
    parameters: int
    trains: bool


def trainability(model) -> list[GroupState]:
    """The table of a model's layer groups as they are now, lowest first."""
    return [
        GroupState(
            group=name,
            parameters=sum(layer.count_params() for layer in layers),
            trains=any(layer.trainable for layer in layers),
        )
        for name, layers in model.layer_groups.items()
    ]
