"""A report of a comparison, as `write_report` takes it."""


def scored(metric: str, mean: float, *, single: float | None = None, seeds: int = 2) -> dict:
    interval = 0.01 if seeds > 1 else None
    alone = single and {"values": [single] * seeds, "mean": single, "interval": interval}
    return {
        "metric": metric,
        "values": [mean] * seeds,
        "mean": mean,
        "interval": interval,
        "single": alone,
        "sharing": None if alone is None else mean - single,
    }


def _plan(tasks: dict, seconds: float, **changes) -> dict:
    stage = {"freeze": "backbone", "epochs": 2, "rates": [None, 1e-3]}
    return {
        "tasks": tasks,
        "trainable_parameters": 1234,
        "step_seconds": 0.25,
        "wall_seconds": seconds,
        "peak_memory_bytes": 1_500_000_000,
        "drift": {},
        "grid": {"groups": ["block_0", "heads/topic"], "parameters": [9, 9], "stages": [stage]},
        "curves": {"topic": [[0.5, 0.75]] * 2},
    } | changes


def make_report() -> dict:
    """Two plans, a task of either direction, drift and single-task runs in one plan."""
    drift = {
        "metric_before": 0.9,
        "metric_after": 0.8,
        "flipped": 0.125,
        "cka": 0.75,
        "cosine": 0.5,
    }
    heads = {"topic": scored("accuracy", 0.8), "price": scored("mae", 12.5)}
    full = {
        "topic": scored("accuracy", 0.9, single=0.92),
        "price": scored("mae", 10.5, single=11.0),
    }
    return {
        "title": "tickets",
        "encoder": "all-MiniLM-L6-v2",
        "seeds": [3, 4],
        "split": "test",
        "tasks": {
            "topic": {
                "kind": "classification",
                "metric": "accuracy",
                "examples": {"train": 1000, "test": 20},
            },
            "price": {"kind": "regression", "metric": "mae", "examples": {"train": 900}},
        },
        "plans": {
            "features": _plan(heads, 30.0, curves={}, step_seconds=None, trainable_parameters=0),
            "full": _plan(full, 300.0, drift={"topic": drift}),
        },
    }
