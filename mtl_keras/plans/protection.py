"""Protections: they preserve frozen heads' answers while other tasks train the encoder.

A protection is a value. For a model it becomes a guard (`models.guards`), which the training step
calls.
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
    """Removes from each gradient the part that conflicts with the protected tasks' gradient.

    With g the gradient of the new tasks and p that of the protected ones, over all weights as
    one vector, `g ← g - (⟨g, p⟩ / ⟨p, p⟩) p` where `⟨g, p⟩ < 0` (Chaudhry et al., 2019, "Efficient
    lifelong learning with A-GEM"; between two tasks also Yu et al., 2020, "Gradient surgery for
    multi-task learning"). p itself is not applied: the protected tasks do not learn.

    It needs the protected tasks' examples: each step also reads a batch of theirs (`with_replay`)
    and runs two backward passes. A batch without theirs is plain training. The guarantee holds
    for the gradient on the batch at hand; an optimizer that rescales weights one by one, such as
    Adam, changes the direction of the step. The protection keeps the protected tasks' loss from
    rising; it does not keep every answer: a wrong one may change.
    """

    replays: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """Trains the encoder so that frozen heads answer the new tasks' texts as at the stage's start.

    For each protected task it adds to the loss the divergence of its answers p from the answers q
    of the model at the stage's start, averaged over the texts (Li & Hoiem, 2017, "Learning without
    forgetting"):

    * classification: `T² KL(q_T ‖ p_T)`, with `q_T ∝ q^(1/T)` (Hinton et al., 2015, "Distilling
      the knowledge in a neural network"); tagging and token_labels likewise, over the real word
      pieces;
    * multilabel: `KL(q ‖ p)` of each label, averaged, which has the gradient of binary
      cross-entropy;
    * regression: `(q - p)²`.

    It needs no examples of the protected tasks. It holds a copy of the encoder, through which each
    step runs one forward pass.

    Args:
        weight: factor of the added terms, on top of each task's loss weight.
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
    """Keeps the encoder near the weights with which the stage began.

    `strength / 2 · Σ ‖w - w₀‖²` over the shared weights that train is added to the loss (L2-SP:
    Li et al., 2018, "Explicit inductive bias for transfer learning with convolutional networks").

    It does not depend on the protected tasks, needs no examples of theirs and costs almost nothing.
    In fine-tuning the gradient of the loss has a norm of about 1 over all weights, that of the
    penalty `strength · ‖w - w₀‖`. So they balance when the weights have moved by about
    `1 / strength` in total. AdamW divides both by the same root mean square, so this point does
    not depend on the learning rate.

    Args:
        strength: factor of the penalty.

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
