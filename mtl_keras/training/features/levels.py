"""The levels of the encoder at which a stage, and the stages after it, read features."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_keras.models.frozen_prefix import SENTENCE, frozen_prefix
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import Stage


@dataclass(frozen=True)
class Levels:
    """Where the frozen prefix ends in stages that one pass over the texts serves.

    Args:
        names: the levels (`frozen_prefix`), that of the first stage first, each below the one
            before; empty: the first stage trains from the texts.
        epochs: of these stages.
    """

    names: tuple[str, ...] = ()
    epochs: int = 0

    @classmethod
    def of(cls, model: MultiTaskModel, stages: Sequence[Stage]) -> "Levels":
        """Returns the levels of these stages, up to the first stage that has none."""
        groups = list(model.layer_groups)
        order, epochs = [*groups, SENTENCE], 0
        names: list[str] = []
        for stage in stages:
            if stage.steps_per_epoch:  # texts that never come would be encoded too
                break
            if stage.solve:  # it computes what its heads read, which is less
                if not names:
                    break
                continue
            level = frozen_prefix(model, stage.frozen(groups))
            if level is None:
                break
            if not names or order.index(level) <= order.index(names[-1]):
                names.append(level)
                epochs += stage.epochs
        return cls(tuple(dict.fromkeys(names)), epochs)

    @property
    def first(self) -> str | None:
        """The level of the first stage; None if it reads texts, or reads features only once."""
        return self.names[0] if self.names and self.epochs > 1 else None
