"""Loss weightings: how much each task's loss counts, as training goes on.

A weighting is a value. `L_k` is task k's loss over a batch, times its factor in `loss_weights`.
From the losses, `models.weightings` computes weights w, through which no gradient flows; a step
trains on `Σ w_k L_k`, heads and own blocks included.
"""

from dataclasses import dataclass
from typing import ClassVar

from mtl_keras.errors import InputError, shown
from mtl_keras.plans.combination import Combination
from mtl_keras.plans.ranges import check_number, count


@dataclass(frozen=True)
class Weighting:
    """How losses are weighted. `needs_all`: whether each step must have a loss of every task."""

    needs_all: ClassVar[bool] = False


@dataclass(frozen=True)
class Equal(Weighting):
    """`w_k = 1`: the given `loss_weights` alone count."""


EQUAL = Equal()


@dataclass(frozen=True)
class Uncertainty(Weighting):
    """Weights losses by learned uncertainties, of variance `e^s`.

    `w_k = ½ e^(-s_k)`; s, 0 at first, descends on `Σ ½ e^(-s_k) L_k + ½ s_k` by Adam (Kendall et
    al., 2018, "Multi-task learning using uncertainty to weigh losses for scene geometry and
    semantics"). LibMTL begins with s = -½.

    Args:
        learning_rate: of s.

    Raises:
        InputError: a rate that is not a positive number.
    """

    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "Uncertainty learning_rate", above=0)


@dataclass(frozen=True)
class DWA(Weighting):
    """Weights losses that fall slowly more: dynamic weight average.

    `w_k = K softmax_k(r / T)` with `r_k = L̄_k(t-1) / L̄_k(t-2)`, from mean losses over periods of
    training; 1 in the first two (Liu et al., 2019, "End-to-end multi-task learning with
    attention"). In the paper, a period is an epoch; fine-tuning has few of them.

    Args:
        temperature: T; the larger, the more even.
        period: number of steps.

    Raises:
        InputError: a temperature that is not a positive number, a period of less than 1 step.
    """

    temperature: float = 2.0
    period: int = 100

    def __post_init__(self) -> None:
        check_number(self.temperature, "DWA temperature", above=0)
        object.__setattr__(self, "period", count(self.period, "DWA period is at least 1 step"))


@dataclass(frozen=True)
class RLW(Weighting):
    """Random weights, new in each step: `w = softmax(ε)`, ε normal.

    Lin et al., 2022, "Reasonable effectiveness of random weighting: a litmus test for multi-task
    learning". They follow from the seed and the step.
    """


@dataclass(frozen=True)
class GLS(Weighting):
    """The geometric mean of the losses: `w_k = (Π L)^(1/K) / (K L_k)`.

    Chennupati et al., 2019, "MultiNet++: multi-stream feature aggregation and geometric loss
    strategy for multi-task learning".
    """

    needs_all: ClassVar[bool] = True


@dataclass(frozen=True)
class FAMO(Weighting):
    """Lets all losses fall at the same rate, from their values alone.

    `w_k = c z_k / L_k`, `z = softmax(ξ)`, `c = 1 / Σ z_k / L_k`; after each step ξ descends by Adam
    on the change of `log L` over it, weighted by z (Liu et al., 2023, "FAMO: fast adaptive
    multitask optimization"). A step takes one more forward pass of the same batch.

    Args:
        learning_rate: of ξ.
        weight_decay: of ξ.

    Raises:
        InputError: a number that is not positive.
    """

    learning_rate: float = 0.025
    weight_decay: float = 1e-3

    needs_all: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self.learning_rate, "FAMO learning_rate", above=0)
        check_number(self.weight_decay, "FAMO weight_decay", above=0)


@dataclass(frozen=True)
class STCH(Weighting):
    """A smooth maximum of the losses: smooth Tchebycheff scalarization.

    The gradient of `μ log Σ exp(L_k / (K μ))`: `w_k = softmax_k(L / (K μ)) / K` (Lin et al., 2024,
    "Smooth Tchebycheff scalarization for multi-objective optimization"), with preference 1/K and
    ideal losses 0, as in TorchJD. LibMTL divides losses by those of a warm-up epoch.

    Args:
        mu: μ; the smaller, the more the largest loss counts.

    Raises:
        InputError: it is not a positive number.
    """

    mu: float = 0.1

    needs_all: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self.mu, "STCH mu", above=0)


def check_balance(combine: object, weighting: object) -> None:
    """Raises InputError if a value is no combination, or no weighting."""
    if not isinstance(combine, Combination):
        raise InputError(f"combine is a combination, such as PCGrad(). Received: {shown(combine)}")
    if not isinstance(weighting, Weighting):
        raise InputError(
            f"weighting is a value such as Uncertainty(). Received: {shown(weighting)}"
        )
