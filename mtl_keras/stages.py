"""A stage of training: what is frozen, how fast the rest learns, and for how long."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mtl_keras.errors import InputError
from mtl_keras.freezing import EMBEDDINGS, FreezePlan


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    """A learning rate for every layer group, from three numbers.

    The top block learns at `backbone`, each block below at `decay` times the rate of the one
    above, the embeddings below the lowest block (layer-wise decay, Howard & Ruder, 2018,
    "Universal language model fine-tuning", eq. in 3.2).

    Args:
        heads: rate of every head.
        backbone: rate of the top block.
        decay: factor from a block to the one below, in (0, 1].

    Raises:
        InputError: a rate that is not a positive number, a decay outside (0, 1].

    Example:

    >>> rates = LearningRates(heads=1e-3, backbone=1e-4, decay=0.5)
    >>> rates.by_group(["embeddings", "block_0", "block_1", "heads/topic"])
    {'embeddings': 2.5e-05, 'block_0': 5e-05, 'block_1': 0.0001, 'heads/topic': 0.001}
    """

    heads: float = 1e-3
    backbone: float = 5e-5
    decay: float = 1.0

    def __post_init__(self) -> None:
        for name in ("heads", "backbone"):
            rate = getattr(self, name)
            if not (math.isfinite(rate) and rate > 0):
                raise InputError(f"learning rate {name}: {rate} is not a positive number")
        if not 0 < self.decay <= 1:
            raise InputError(f"learning rate decay: {self.decay} is outside (0, 1]; 1 is no decay")

    def by_group(self, groups: Sequence[str]) -> dict[str, float]:
        """Layer group → learning rate."""
        blocks = [name for name in groups if name != EMBEDDINGS and not name.startswith("heads/")]
        depth = {name: len(blocks) - 1 - index for index, name in enumerate(blocks)}
        depth[EMBEDDINGS] = len(blocks)
        return {
            name: self.backbone * self.decay ** depth[name] if name in depth else self.heads
            for name in groups
        }


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A freeze plan, learning rates, and a number of epochs.

    Args:
        freeze: which layer groups are frozen.
        epochs: passes over the data, at least 1.
        learning_rate: the rates of the groups that train.
    """

    freeze: FreezePlan = field(default_factory=FreezePlan)
    epochs: int = 1
    learning_rate: LearningRates = field(default_factory=LearningRates)

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise InputError(f"a stage has at least 1 epoch. Received: {self.epochs}")
