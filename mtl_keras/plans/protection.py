"""What keeps the predictions of frozen heads while the encoder under them trains on other tasks.

A protection is a value. Armed on a model it becomes a guard, which the training step asks.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

from mtl_keras.errors import InputError


class Protection(Protocol):
    """Keeps protected tasks from drifting. `replays`: whether it needs their batches."""

    replays: ClassVar[bool]


@dataclass(frozen=True, kw_only=True)
class GradientProjection:
    """Steps whose gradient does not conflict with the protected tasks' gradient.

    With g the gradient of the new tasks and p that of the protected ones, over all weights as
    one vector, `g ← g - (⟨g, p⟩ / ⟨p, p⟩) p` where `⟨g, p⟩ < 0` (Chaudhry et al., 2019, "Efficient
    lifelong learning with A-GEM"; between two tasks also Yu et al., 2020, "Gradient surgery for
    multi-task learning"). p itself is not applied: the protected tasks do not learn.

    It needs the protected tasks' examples: each step takes a batch of theirs beside the new one
    (`with_replay`) and goes backward twice. Batches without theirs are plain training. What it
    promises is of the gradient on the batch at hand; an optimizer that rescales weights one by
    one, as Adam does, turns the step that follows. It keeps the protected tasks' loss from
    rising; it does not keep each answer: a wrong one may change.
    """

    replays: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """Frozen heads keep answering the new tasks' texts as they did when the stage began.

    Added to the loss is, for each protected task, the divergence of its answers p from those of
    the model as it was, q (Li & Hoiem, 2017, "Learning without forgetting"), a mean over the texts:

    * classification: `T² KL(q_T ‖ p_T)`, with `q_T ∝ q^(1/T)` (Hinton et al., 2015, "Distilling
      the knowledge in a neural network"); tagging and token_labels likewise, over the real word
      pieces;
    * multilabel: `KL(q ‖ p)` of each label, averaged, which has the gradient of binary
      cross-entropy;
    * regression: `(q - p)²`.

    It needs no examples of the protected tasks. It holds a copy of the encoder, and each step
    passes through the copy once, forward.

    Args:
        weight: factor of the added terms, each beside its task's own loss weight.
        temperature: T, softens the distributions so that unlikely classes count more.

    Raises:
        InputError: a weight or temperature that is not a positive number.
    """

    weight: float = 1.0
    temperature: float = 2.0

    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_positive(self, "weight")
        _check_positive(self, "temperature")


@dataclass(frozen=True, kw_only=True)
class StartingWeights:
    """The encoder stays near the weights with which the stage began.

    `strength / 2 · Σ ‖w - w₀‖²` over the shared weights that train is added to the loss (L2-SP:
    Li et al., 2018, "Explicit inductive bias for transfer learning with convolutional networks").

    It knows nothing of the tasks that it protects, needs no examples of theirs and costs next to
    nothing. The gradient of the loss pulls on all weights together with a norm of about 1 in
    fine-tuning, the penalty with `strength · ‖w - w₀‖`: so they balance where the weights have
    moved by about `1 / strength` in all. AdamW divides both by the same root mean square, so this
    point does not depend on the learning rate.

    Args:
        strength: of the pull.

    Raises:
        InputError: a strength that is not a positive number.
    """

    strength: float = 1.0

    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_positive(self, "strength")


def _check_positive(protection: Protection, name: str) -> None:
    value = getattr(protection, name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and value > 0):
        kind = type(protection).__name__
        raise InputError(
            f"{kind} {name}: {value!r} is not a positive number; "
            "for no protection, leave the whole of it out"
        )
