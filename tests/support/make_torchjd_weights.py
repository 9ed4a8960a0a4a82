"""Writes `tests/models/torchjd_weights.json`: what TorchJD makes of Gramians and losses.

    pip install torch "torchjd[full]==0.18.0"
    python tests/support/make_torchjd_weights.py

TorchJD (MIT licence) needs PyTorch, which is too large to be a test dependency, so its answers are
kept in a file. Everything is float64. Random orders are recorded.
"""

import functools
import json
from pathlib import Path

import cvxpy
import numpy as np
import torch
from torchjd import aggregation, scalarization
from torchjd.aggregation import _gradvac, _pcgrad
from torchjd.aggregation._nash_mtl import _NashMTLWeighting

FILE = Path(__file__).parents[1] / "models" / "torchjd_weights.json"
STEPS = 3
EXACT = {"tol_gap_abs": 1e-14, "tol_gap_rel": 1e-14, "tol_feas": 1e-14}


def main() -> None:
    """Writes the file."""
    generator = np.random.default_rng(0)
    gramians = [jacobian @ jacobian.T for jacobian in jacobians(generator)]
    cases = [combined(torch.tensor(gramian)) for gramian in gramians]
    content = {"torchjd": "0.18.0", "gramians": cases, "gradvac": vaccinated(generator)}
    FILE.write_text(json.dumps(content | {"losses": weighted(generator)}) + "\n")


def jacobians(generator: np.random.Generator) -> list[np.ndarray]:
    """Gradients of 2 to 7 tasks: independent, in conflict, of unequal length, alike."""
    made = []
    for tasks in (2, 3, 4, 7):
        for shared, spread in ((0.0, 0.0), (-0.4, 0.0), (0.0, 0.5), (1.0, 0.3)):
            rows = generator.normal(size=(tasks, 12))
            rows += shared * rows[:1] if shared > 0 else 0
            rows[1:] += shared * 2 * rows[:1] if shared < 0 else 0
            made.append(rows * 10 ** (spread * generator.normal(size=(tasks, 1))))
    return made


def combined(gramian: torch.Tensor) -> dict:
    """A Gramian, and each combination's weights."""
    tasks = len(gramian)
    torch.manual_seed(tasks)
    weights = {
        "upgrad": aggregation.UPGradWeighting()(gramian),
        "mgda": aggregation.MGDAWeighting(epsilon=1e-10, max_iters=5000)(gramian),
        "cagrad": conflict_averse(gramian),
        "imtl_g": aggregation.IMTLGWeighting()(gramian),
        "aligned": aggregation.AlignedMTLWeighting()(gramian),
        "nash": _NashMTLWeighting(tasks, max_norm=1.0, update_weights_every=1, optim_niter=20)(
            torch.linalg.cholesky(gramian)
        ),
    }
    orders: list[list[int]] = []
    weights["pcgrad"] = recording(_pcgrad.torch, orders, aggregation.PCGradWeighting(), gramian)
    plain = {name: of_name.tolist() for name, of_name in weights.items()}
    return {"gramian": gramian.tolist(), "orders": orders, "weights": plain}


def conflict_averse(gramian: torch.Tensor) -> torch.Tensor:
    """CAGrad's weights, by a solver that is more precise than its default, 1e-4."""
    usual = cvxpy.Problem.solve
    cvxpy.Problem.solve = functools.partialmethod(usual, **EXACT)
    try:
        return aggregation.CAGradWeighting(c=0.5)(gramian)
    finally:
        cvxpy.Problem.solve = usual


def vaccinated(generator: np.random.Generator) -> list[dict]:
    """Gramians one after another, and GradVac's weights and cosines so far."""
    weighting = aggregation.GradVacWeighting(beta=0.5)
    steps = []
    for _ in range(2 * STEPS):
        jacobian = generator.normal(size=(3, 5))
        gramian = torch.tensor(jacobian @ jacobian.T)
        drawn: list[list[int]] = []
        weights = recording(_gradvac.torch, drawn, weighting, gramian)
        others = [[j for j in range(3) if j != task] for task in range(3)]
        orders = [[*(others[t][i] for i in drawn[t]), t] for t in range(3)]
        steps.append({"gramian": gramian.tolist(), "orders": orders, "weights": weights.tolist()})
    return steps


def recording(module, orders: list, weighting, gramian: torch.Tensor) -> torch.Tensor:
    """Calls a weighting and records the orders that it draws."""
    drawn = torch.randperm

    def record(*arguments) -> torch.Tensor:
        order = drawn(*arguments)
        orders.append(order.tolist())
        return order

    module.randperm = record
    try:
        return weighting(gramian)
    finally:
        module.randperm = drawn


def weighted(generator: np.random.Generator) -> dict:
    """Losses of a few steps, and each weighting's gradient of the total by loss in each step."""
    losses = generator.uniform(0.2, 2.0, size=(2 * STEPS, 3))
    later = losses * generator.uniform(0.8, 1.0, size=losses.shape)
    uncertain, famo, dwa = scalarization.UW(3), scalarization.FAMO(3), scalarization.DWA()
    uncertain, famo = uncertain.double(), famo.double()
    adam = torch.optim.Adam(uncertain.parameters(), lr=1e-2)
    rows: dict[str, list] = {name: [] for name in ("uncertainty", "famo", "dwa", "gls", "stch")}
    for number, (now, after) in enumerate(zip(losses, later, strict=True)):
        adam.zero_grad()
        rows["uncertainty"].append(slopes(uncertain, now))
        adam.step()
        rows["famo"].append(slopes(famo, now))
        famo.update(torch.tensor(after))
        rows["dwa"].append(slopes(dwa, now))
        if number % 2:
            dwa.step()
        rows["gls"].append(slopes(scalarization.GeometricMean(), now))
        rows["stch"].append(slopes(scalarization.STCH(mu=0.1), now))
    return {"losses": losses.tolist(), "later": later.tolist(), "weights": rows}


def slopes(scalarizer, losses: np.ndarray) -> list[float]:
    """The gradient of the total by each loss."""
    values = torch.tensor(losses, requires_grad=True)
    scalarizer(values).backward()
    return values.grad.tolist()


if __name__ == "__main__":
    main()
