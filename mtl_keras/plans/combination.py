"""Gradient combinations: how the gradients of several tasks become one, where weights are shared.

A combination is a value. `g_k` is the gradient of task k's loss over the shared weights that
train, and `G_kl = ⟨g_k, g_l⟩` is their Gramian, `(K, K)`. From G, `models.combinations` computes
weights w; the shared weights move along `Σ w_k g_k`. Heads and own blocks always learn from their
own task's loss alone. A step needs a backward pass for each task, and memory for K gradients of the
shared weights; what is frozen costs nothing.

Scales are those of TorchJD: for tasks that do not conflict, `Sum`, `PCGrad`, `GradVac` and `DBMTL`
move along a sum, the others along a mean or as described. Adam's steps do not depend on the scale.
"""

from dataclasses import dataclass
from typing import ClassVar

from mtl_keras.plans.ranges import check_number


@dataclass(frozen=True)
class Combination:
    """How gradients are combined. `combines`: whether it does anything but add them."""

    combines: ClassVar[bool] = True


@dataclass(frozen=True)
class Sum(Combination):
    """Adds the gradients: `w_k = 1`. It is plain training, with one backward pass."""

    combines: ClassVar[bool] = False


SUM = Sum()


@dataclass(frozen=True)
class PCGrad(Combination):
    """Removes from each gradient what conflicts with each other one, in random order, then adds.

    `g_i ← g_i - (⟨g_i, g_j⟩ / ⟨g_j, g_j⟩) g_j` for each j with `⟨g_i, g_j⟩ < 0`, where g_j is the
    original gradient (Yu et al., 2020, "Gradient surgery for multi-task learning").
    """


@dataclass(frozen=True)
class GradVac(Combination):
    """Raises the cosine φ of each pair of gradients to its mean so far φ̂, then adds.

    In random order, if `φ < φ̂`, `g_i ← g_i + a g_j` with
    `a = ‖g_i‖ (φ̂ √(1-φ²) - φ √(1-φ̂²)) / (‖g_j‖ √(1-φ̂²))`; then `φ̂ ← (1-β) φ̂ + β φ`, from 0
    (Wang et al., 2021, "Gradient vaccine: investigating and improving multi-task optimization in
    massively multilingual models"). All weights count as one group.
    LibMTL moves φ̂ only if `φ < φ̂`; here it always moves, as in the paper and TorchJD.

    Args:
        beta: β, share of the newest cosine in the mean.

    Raises:
        InputError: a share outside (0, 1].
    """

    beta: float = 0.5

    def __post_init__(self) -> None:
        check_number(self.beta, "GradVac beta", above=0, most=1)


@dataclass(frozen=True)
class CAGrad(Combination):
    """Helps the worst-off task most, near the mean gradient g₀.

    `max_d min_k ⟨g_k, d⟩` for `‖d - g₀‖ ≤ c ‖g₀‖`: `d = g₀ + c ‖g₀‖ / ‖g_w‖ g_w`, where w minimizes
    `⟨g_w, g₀⟩ + c ‖g₀‖ ‖g_w‖` over the simplex (Liu et al., 2021, "Conflict-averse gradient descent
    for multi-task learning"). If g_w vanishes, the tasks balance and the shared weights stay, as in
    TorchJD. LibMTL divides d by `1 + c²`.

    Args:
        c: radius, as a share of the mean gradient's norm.

    Raises:
        InputError: a radius that is not a positive number.
    """

    c: float = 0.5

    def __post_init__(self) -> None:
        check_number(self.c, "CAGrad c", above=0)


@dataclass(frozen=True)
class MGDA(Combination):
    """The shortest vector in the convex hull of the gradients: no task's loss rises along it.

    `min ‖Σ w_k g_k‖²` for `w ≥ 0, Σ w_k = 1` (Désidéri, 2012, "Multiple-gradient descent
    algorithm"; Sener & Koltun, 2018, "Multi-task learning as multi-objective optimization"). It is
    solved to float32's precision; TorchJD and LibMTL stop their Frank-Wolfe iterations earlier.
    """


@dataclass(frozen=True)
class IMTLG(Combination):
    """The combination on which all gradients have projections of the same length.

    `w = G⁺ d / Σ G⁺ d` with `d_k = ‖g_k‖` (Liu et al., 2021, "Towards impartial multi-task
    learning"). Weights may be negative.
    """


@dataclass(frozen=True)
class Nash(Combination):
    """The Nash bargaining solution: each task's gain is inverse to its weight.

    `G w / ‖G‖ = 1 / w`, w > 0 (Navon et al., 2022, "Multi-task learning as a bargaining game"). It
    is solved to float32's precision; TorchJD and LibMTL stop at a residual of 1e-3.

    Args:
        max_norm: the combined gradient is scaled down to at most this norm.

    Raises:
        InputError: a norm that is not a positive number.
    """

    max_norm: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.max_norm, "Nash max_norm", above=0)


@dataclass(frozen=True)
class Aligned(Combination):
    """Gives all principal components of the gradients the length of the shortest one.

    `w = √λ_min V Λ^(-1/2) Vᵀ 1/K` for `G = V Λ Vᵀ` (Senushkin et al., 2023, "Independent component
    alignment for multi-task learning"). LibMTL's weights are K times these.
    """


@dataclass(frozen=True)
class UPGrad(Combination):
    """The mean of the gradients, each projected onto the cone of directions in which no task loses.

    The projection of g_k has the weights v that minimize `vᵀ (G / tr G + ε I) v` for `v ≥ e_k / K`
    (Quinton & Rey, 2024, "Jacobian descent for multi-objective optimization").

    Args:
        regularization: ε, as in TorchJD and LibMTL.

    Raises:
        InputError: it is not a positive number.
    """

    regularization: float = 1e-4

    def __post_init__(self) -> None:
        check_number(self.regularization, "UPGrad regularization", above=0)


@dataclass(frozen=True)
class DBMTL(Combination):
    """Gives the gradients of all log-losses the length of the longest one, then adds.

    `w_k = max_l (‖g_l‖ / L_l) / ‖g_k‖` (Lin et al., 2023, "Dual-balancing for multi-task
    learning"). The paper's moving average of gradients, which needs K more copies of them, is left
    out: β = 0.
    """
