"""The Pareto front: plans that no other beats in both cost and score."""

from collections.abc import Mapping

from mtl_keras.data.label_kinds import higher_is_better


def plans_on_front(report: Mapping, task: str) -> list[str]:
    """Returns the plans that no other beats in both wall time and a task's score, fastest first."""
    points = {
        name: (plan["wall_seconds"], plan["tasks"][task]["mean"])
        for name, plan in report["plans"].items()
        if plan["tasks"][task]["mean"] is not None
    }
    return pareto_front(points, higher=higher_is_better(report["tasks"][task]["metric"]))


def pareto_front(points: Mapping[str, tuple[float, float]], *, higher: bool) -> list[str]:
    """Returns the names that no other beats, cheapest first.

    One beats another if it costs no more, scores no worse, and is better in one of the two.

    Args:
        points: name → (cost, score).
        higher: whether a higher score is better.

    Example:

    >>> pareto_front({"slow": (9, 0.8), "fast": (1, 0.7), "bad": (9, 0.6)}, higher=True)
    ['fast', 'slow']
    """
    sign = -1 if higher else 1
    losses = {name: (cost, sign * score) for name, (cost, score) in points.items()}

    def is_beaten(own: tuple[float, float]) -> bool:
        others = [other for other in losses.values() if other != own]
        return any(cost <= own[0] and loss <= own[1] for cost, loss in others)

    front = [name for name, loss in losses.items() if not is_beaten(loss)]
    return sorted(front, key=losses.__getitem__)
