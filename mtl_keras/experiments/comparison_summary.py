"""Summarizes a comparison's runs: means over seeds, intervals, and what sharing gained."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev

from scipy.stats import t as student_t

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.experiments.compared_plans import ComparedPlan, Job
from mtl_keras.experiments.differences import CONTRIBUTED, sharing_interval, with_differences
from mtl_keras.recipes.recipe import Recipe

COSTS = ("step_seconds", "wall_seconds", "peak_memory_bytes")

Results = Mapping[Job, Mapping]  # job → what `job.run_job` returned


def summarize(
    recipe: Recipe,
    datasets: Mapping[str, TaskDataset],
    plans: Sequence[ComparedPlan],
    seeds: int,
    results: Results,
) -> dict:
    """Returns the content of `report.json`, which `report.write_report` describes.

    Args:
        recipe: the compared recipe.
        datasets: task → its dataset.
        plans: the compared plans.
        seeds: number of seeds.
        results: results of every job that the plans need.
    """
    tasks = {
        name: {
            "kind": dataset.task.kind,
            "metric": dataset.task.metric,
            "examples": dict(dataset.counts),
        }
        for name, dataset in datasets.items()
    }
    summary = {
        "title": recipe.path.stem,
        "encoder": recipe.encoder,
        "seeds": list(range(seeds)),
        "split": next(iter(results.values()))["split"],
        "tasks": tasks,
        "plans": {plan.name: _plan_summary(plan, seeds, tasks, results) for plan in plans},
    }
    contributed = {plan.name: _contributed(plan, seeds, tasks, results) for plan in plans}
    return with_differences(summary, contributed)


def spread(values: list[float | None]) -> dict:
    """Returns the mean and the half-width of its 95% t-interval.

    Undefined values (None) are left out. With one defined value the interval is None, with none
    the mean is None too.

    Example:

    >>> spread([1.0])
    {'values': [1.0], 'mean': 1.0, 'interval': None}
    """
    defined = [value for value in values if value is not None]
    count, interval = len(defined), None
    if count > 1:
        interval = float(student_t.ppf(0.975, count - 1)) * stdev(defined) / count**0.5
    return {"values": values, "mean": _mean_of(defined), "interval": interval}


def _plan_summary(
    plan: ComparedPlan, seeds: int, tasks: Mapping[str, Mapping], results: Results
) -> dict:
    runs = [results[Job(plan.name, seed, tuple(tasks))] for seed in plan.seeds(seeds)]
    curves = {task: [run["curves"][task] for run in runs if run["curves"]] for task in tasks}
    return {
        "tasks": {
            name: _task_summary(plan, name, task["metric"], runs, results)
            for name, task in tasks.items()
        },
        "trainable_parameters": runs[0]["trainable_parameters"],
        **{cost: _mean_of(run[cost] for run in runs) for cost in COSTS},
        "best_epochs": [run["best_epoch"] for run in runs],
        "begins_with": [run["begins_with"] for run in runs],
        "drift": _mean_drift([run["drift"] for run in runs]),
        "grid": runs[0]["grid"],
        "curves": {task: of_seeds for task, of_seeds in curves.items() if of_seeds},
    }


def _contributed(
    plan: ComparedPlan, seeds: int, tasks: Mapping[str, Mapping], results: Results
) -> dict[str, list]:
    """Returns task → contributions to its metric, `(seeds, examples, 2)`."""
    runs = [results[Job(plan.name, seed, tuple(tasks))] for seed in plan.seeds(seeds)]
    return {task: _of_task(runs, task) for task in tasks}


def _task_summary(
    plan: ComparedPlan, task: str, metric: str, runs: Sequence[Mapping], results: Results
) -> dict:
    """Returns a task's scores in the shared model and alone, over one run per seed."""
    measured = [run["metrics"][task] for run in runs]
    summary = {"metric": metric} | spread([metrics[metric] for metrics in measured])
    summary["ece"] = _mean_of(metrics.get("ece") for metrics in measured)
    summary |= {end: None if plan.training else measured[0].get(end) for end in ("low", "high")}
    is_only_task = len(runs[0]["metrics"]) == 1
    if plan.alone is None or is_only_task:
        return summary | {"single": None, "sharing": None, "sharing_interval": None}
    alone = [results[Job(plan.alone, seed, (task,))] for seed in range(len(runs))]
    single = spread([run["metrics"][task][metric] for run in alone])
    both = summary["mean"], single["mean"]
    shares = (_of_task(of_runs, task) for of_runs in (runs, alone))
    return summary | {
        "single": single,
        "sharing": None if None in both else both[0] - both[1],
        "sharing_interval": sharing_interval(*shares),
    }


def _of_task(runs: Sequence[Mapping], task: str) -> list:
    """Returns a task's contributions in each run."""
    return [run[CONTRIBUTED][task] for run in runs]


def _mean_of(values: Iterable[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return mean(measured) if measured else None


def _mean_drift(drifts: Sequence[Mapping[str, Mapping]]) -> dict:
    """Returns task → its drift: the name of its metric, and figures averaged over the seeds."""
    return {
        task: {"metric": first["metric"]}
        | {
            name: _mean_of(drift[task][name] for drift in drifts)
            for name in first
            if name != "metric"
        }
        for task, first in drifts[0].items()
    }
