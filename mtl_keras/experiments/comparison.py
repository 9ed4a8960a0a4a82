"""Runs training plans side by side over seeds, and reports what each costs, gains and breaks.

Every run is a process of its own, so that its peak memory is its own, and leaves one file; so a
comparison that was interrupted goes on where it was, inside a run from its last checkpoint.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from scipy.stats import t as student_t

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.errors import InputError, WorkError
from mtl_keras.experiments.report import write_report
from mtl_keras.plans.training_plan import EXPLICIT, TrainingPlan
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.runs.run import RECIPE, Run
from mtl_keras.storage.locks import check_unlocked, one_writer
from mtl_keras.training.interruptions import Interruption

FEATURES = "features"  # everything frozen, scikit-learn's classifiers on the features
RECORD, RUNS = "comparison.json", "runs"


@dataclass(frozen=True)
class Job:
    """One training of a comparison: a plan, a seed, and the tasks of its model."""

    plan: str
    seed: int
    tasks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.plan}, seed {self.seed}, {' + '.join(self.tasks)}"

    @property
    def file(self) -> str:
        """Where its results are, in the comparison's folder."""
        return f"{self.folder}.json"

    @property
    def folder(self) -> str:
        """Where it keeps what it needs to go on."""
        plan = self.plan.replace(":", "-")
        return f"{RUNS}/{plan}/seed-{self.seed}/{'+'.join(self.tasks)}"


def compare(
    recipe: Recipe,
    folder: str | Path,
    *,
    plans: Sequence[str] = (),
    seeds: int = 3,
    report: Callable[[str], None] = print,
) -> dict:
    """Compares training plans on a recipe's data and writes the report.

    Each plan trains one model of all tasks and, beside it, a model of each task alone. The
    recipe's learning rates, epochs and other settings of a stage hold for all of them; where a
    plan has more stages than epochs, each of its stages has one (see `TrainingPlan`).

    Args:
        recipe: tasks, encoder and settings.
        folder: of the report: `report.json`, `report.md`, `report.html`, and `runs/`, the
            results of every run. One that holds part of this comparison already is gone on with.
        plans: names as in `TrainingPlan`; `features`, everything frozen with logistic regression
            (ridge regression for numbers) on the features; `stages`, the recipe's own stages.
            When empty `default_plans`.
        seeds: how many; 0, 1, …
        report: told what happens, a line at a time.

    Returns:
        What `report.json` holds.

    Raises:
        InputError: no seed, an unknown plan, a strategy of several devices, a folder with another
            recipe's results, or in which another process writes.
        WorkError: a run failed, or the folder cannot be written.
        SystemExit: SIGTERM came (status 143).
    """
    if seeds < 1:
        raise InputError(f"a comparison has at least 1 seed. Received: {seeds}")
    if recipe.strategy != "auto" or not Cluster.of_environment().is_alone:
        raise InputError(
            "a comparison trains each of its models on one device; leave out the recipe's "
            f"'strategy', and {TF_CONFIG}"
        )
    plans = tuple(dict.fromkeys(plans)) or default_plans(recipe)
    for plan in plans:
        plan_of(recipe, plan)
    datasets = {
        task.name: TaskDataset(task, base_folder=recipe.path.parent) for task in recipe.tasks
    }
    jobs = _jobs(plans, seeds, tuple(datasets))
    check_unlocked(folder)
    _check_folder(Path(folder), recipe)
    if not all((Path(folder) / job.file).is_file() for job in jobs):
        _process("check", str(recipe.path), *plans)
    with one_writer(folder), Interruption().listening():
        run = _open(Path(folder), recipe)
        _run_all(run, jobs, report)
        results = {job: run.read_json(job.file) for job in jobs}
        summary = _summary(recipe, datasets, plans, seeds, results)
        write_report(run.folder, summary)
    return summary


def default_plans(recipe: Recipe) -> tuple[str, ...]:
    """Everything frozen, the backbone, each single head, the lowest half, gradual, full."""
    heads = [f"head_frozen:{task.name}" for task in recipe.tasks] if len(recipe.tasks) > 1 else []
    return (FEATURES, "linear_probe", *heads, "lowest_half", "gradual", "full")


def plan_of(recipe: Recipe, name: str) -> TrainingPlan | None:
    """The plan of this name with the recipe's settings; None for `features`.

    Raises:
        InputError: there is no such plan, or no such task in it.
    """
    if name == FEATURES:
        return None
    if name == EXPLICIT and recipe.plan.given:
        return recipe.plan
    try:
        plan = TrainingPlan(name, recipe.plan.as_template())
    except InputError as error:
        raise InputError(f"{error}; or {FEATURES}") from None
    known = [task.name for task in recipe.tasks]
    for task in plan.tasks:
        if task not in known:
            raise InputError(
                f"plan {name}: there is no task {task!r}; there are {', '.join(known)}"
            )
    return plan


def single_plan(name: str) -> str:
    """The plan of the single-task models beside those of a plan.

    It is the same one, but `full` where a plan speaks of the other tasks.
    """
    return "full" if name == EXPLICIT or name.startswith("head_frozen:") else name


def _check_folder(folder: Path, recipe: Recipe) -> None:
    """Raises `InputError` where the folder holds something else than this comparison."""
    run = Run(folder)
    if not (folder / RECORD).is_file():
        run.check_free()
    elif run.read_json(RECORD) != _record(recipe):
        raise InputError(
            f"{folder}: holds the results of another recipe, or of this one before it was "
            "changed or moved; choose another --output"
        )


def _open(folder: Path, recipe: Recipe) -> Run:
    """The folder, with the recipe in it."""
    if (folder / RECORD).is_file():
        return Run(folder)
    run = Run.create(folder)
    run.write(RECIPE, lambda path: path.write_bytes(recipe.path.read_bytes()))
    run.write_json(RECORD, _record(recipe))
    return run


def _record(recipe: Recipe) -> dict[str, str]:
    return {
        "recipe_sha256": hashlib.sha256(recipe.path.read_bytes()).hexdigest(),
        "recipe_folder": str(recipe.path.parent),
    }


def _jobs(plans: Sequence[str], seeds: int, tasks: tuple[str, ...]) -> list[Job]:
    """Every run that is needed, seed by seed."""
    jobs = []
    for seed in range(seeds):
        for plan in plans:
            jobs.append(Job(plan, seed, tasks))
            if len(tasks) > 1 and plan != FEATURES:
                jobs += [Job(single_plan(plan), seed, (task,)) for task in tasks]
    return list(dict.fromkeys(jobs))


def _run_all(run: Run, jobs: Sequence[Job], report: Callable[[str], None]) -> None:
    missing = [job for job in jobs if not (run.folder / job.file).is_file()]
    if len(missing) < len(jobs):
        report(f"{len(jobs) - len(missing)} of {len(jobs)} runs are there already")
    started = time.perf_counter()
    for done, job in enumerate(missing):
        left = (time.perf_counter() - started) / done * (len(missing) - done) if done else None
        said = f", about {max(1, round(left / 60))} min left" if left else ""
        report(f"run {done + 1} of {len(missing)}: {job}{said}")
        _run(run, job)


def _run(run: Run, job: Job) -> None:
    """Runs a job in a process of its own."""
    try:
        _process("run", str(run.folder), job.plan, str(job.seed), *job.tasks)
    except (InputError, WorkError) as error:
        raise type(error)(f"{job}: {error}") from None


def _process(*arguments: str) -> None:
    """Calls `comparison_run` with these arguments; raises what it says went wrong."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mtl_keras.experiments.job", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        text=True,
    )
    try:
        _, said = process.communicate()
    except BaseException:  # it keeps where it is, and ends
        process.terminate()
        process.communicate()
        raise
    if process.returncode:
        lines = said.strip().splitlines() or [f"status {process.returncode}"]
        kind = InputError if process.returncode == 2 else WorkError
        raise kind(lines[-1].removeprefix("mtl-keras: "))


def open_comparison(folder: str | Path) -> tuple[Run, Recipe]:
    """A comparison's folder and its recipe, whose files are where they were."""
    run = Run(folder)
    place = run.read_json(RECORD)["recipe_folder"]
    return run, load_recipe(run.folder / RECIPE, folder=place)


def _summary(
    recipe: Recipe,
    datasets: Mapping[str, TaskDataset],
    plans: Sequence[str],
    seeds: int,
    results: Mapping[Job, dict],
) -> dict:
    tasks = {
        name: {
            "kind": dataset.task.kind,
            "metric": dataset.task.metric,
            "examples": dict(dataset.counts),
        }
        for name, dataset in datasets.items()
    }
    return {
        "title": recipe.path.stem,
        "encoder": recipe.encoder,
        "seeds": list(range(seeds)),
        "split": next(iter(results.values()))["split"],
        "tasks": tasks,
        "plans": {plan: _plan_summary(plan, seeds, tasks, results) for plan in plans},
    }


def _plan_summary(plan: str, seeds: int, tasks: Mapping, results: Mapping[Job, dict]) -> dict:
    runs = [results[Job(plan, seed, tuple(tasks))] for seed in range(seeds)]
    curves = {task: [run["curves"][task] for run in runs if run["curves"]] for task in tasks}
    return {
        "tasks": {
            name: _task_summary(plan, name, task["metric"], runs, seeds, results)
            for name, task in tasks.items()
        },
        "trainable_parameters": runs[0]["trainable_parameters"],
        **{name: _mean_of(run[name] for run in runs) for name in _COSTS},
        "drift": _mean_drift([run["drift"] for run in runs]),
        "grid": runs[0]["grid"],
        "curves": {task: each for task, each in curves.items() if each},
    }


_COSTS = ("step_seconds", "wall_seconds", "peak_memory_bytes")


def _task_summary(
    plan: str,
    task: str,
    metric: str,
    runs: Sequence[dict],
    seeds: int,
    results: Mapping[Job, dict],
) -> dict:
    summary = {"metric": metric} | _spread([run["metrics"][task][metric] for run in runs])
    alone = [Job(single_plan(plan), seed, (task,)) for seed in range(seeds)]
    if len(runs[0]["metrics"]) == 1 or not all(job in results for job in alone):
        return summary | {"single": None, "sharing": None}
    single = _spread([results[job]["metrics"][task][metric] for job in alone])
    return summary | {"single": single, "sharing": summary["mean"] - single["mean"]}


def _spread(values: list[float]) -> dict:
    """The mean and the half-width of its 95% t-interval; none of one value."""
    count = len(values)
    interval = None
    if count > 1:
        interval = float(student_t.ppf(0.975, count - 1)) * stdev(values) / count**0.5
    return {"values": values, "mean": mean(values), "interval": interval}


def _mean_of(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def _mean_drift(drifts: Sequence[Mapping[str, Mapping]]) -> dict:
    """Task → its drift, numbers averaged over the seeds."""
    return {
        task: {
            name: value if isinstance(value, str) else _mean_of(each[task][name] for each in drifts)
            for name, value in drifts[0][task].items()
        }
        for task in drifts[0]
    }
