"""Runs the jobs of a comparison that are missing, and what they need beforehand."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence

from mtl_keras.errors import InputError, WorkError
from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.compared_plans import RUNS, START_SCORE, ComparedPlan, Job, compared_plan
from mtl_keras.experiments.differences import CONTRIBUTED
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.run import Run

CallJob = Callable[..., None]  # runs `experiments.job` with these arguments


def run_all(
    run: Run,
    recipe: Recipe,
    jobs: Sequence[Job],
    budget: Budget,
    report: Callable[[str], None],
    call_job: CallJob,
) -> None:
    """Runs the jobs whose results are not there.

    Args:
        run: the comparison's folder.
        recipe: the comparison's.
        jobs: all of the comparison, in order.
        budget: of the search for the learning rates of each model.
        report: receives what runs, a line each.
        call_job: runs a job in a process of its own.

    Raises:
        InputError, WorkError: what a job failed with.
    """
    for job in jobs:
        _check_result(run, job)
    plans = {job.plan: compared_plan(recipe, job.plan) for job in jobs}
    missing = _missing(run, jobs, plans)
    if len(missing) < len(jobs):
        report(f"{len(jobs) - len(missing)} of {len(jobs)} runs are there already")
    for job in missing:
        if protected := plans[job.plan].protects:  # single-task models are offered to this folder
            (run.folder / job.start_folder(protected)).mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    for done, job in enumerate(missing):
        left = _time_left(time.perf_counter() - started, done, len(missing))
        report(f"run {done + 1} of {len(missing)}: {job}{left}")
        try:
            if has_search(plans[job.plan], budget) and not _has_rates(run, job):
                report(f"learning rates of {job.plan}, {' + '.join(job.tasks)}: {budget}")
                call_job("rates", str(run.folder), job.plan, *job.tasks)
            call_job("run", str(run.folder), job.plan, str(job.seed), *job.tasks)
        except (InputError, WorkError) as error:
            raise type(error)(f"{job}: {error}") from None
    shutil.rmtree(run.folder / RUNS / "best", ignore_errors=True)


def rate_searches(run: Run, recipe: Recipe, jobs: Sequence[Job], budget: Budget) -> list[dict]:
    """What was chosen for each model, and what the search cost.

    Returns:
        `plan`, `tasks`, and what `rate_search.choose_rates` returns.
    """
    searched = {
        job.search_file: {"plan": job.plan, "tasks": list(job.tasks)}
        for job in jobs
        if has_search(compared_plan(recipe, job.plan), budget)
    }
    return [named | run.read_json(file) for file, named in searched.items()]


def has_search(plan: ComparedPlan, budget: Budget) -> bool:
    """Whether a plan has learning rates to choose, and something to choose them with."""
    is_possible = budget.minutes is not None or budget.epochs > 1
    return is_possible and plan.training is not None and bool(plan.training.free_rates)


def _missing(run: Run, jobs: Sequence[Job], plans: Mapping[str, ComparedPlan]) -> list[Job]:
    """The jobs without results, and those whose models they begin with."""
    missing = [job for job in jobs if not (run.folder / job.file).is_file()]
    starts = {
        (job.seed, (protected,))
        for job in missing
        if (protected := plans[job.plan].protects)
        and not (run.folder / job.start_folder(protected) / START_SCORE).is_file()
    }
    return [job for job in jobs if job in missing or (job.seed, job.tasks) in starts]


def _has_rates(run: Run, job: Job) -> bool:
    path = run.folder / job.search_file
    return path.is_file() and run.read_json(job.search_file)["chosen"] is not None


def _check_result(run: Run, job: Job) -> None:
    """Raises `InputError` if a job's results are there, but of an mtl_keras that kept less."""
    path = run.folder / job.file
    if path.is_file() and not {CONTRIBUTED, "best_epoch"} <= run.read_json(job.file).keys():
        raise InputError(
            f"{path}: an earlier mtl_keras wrote it, without what differences between plans are "
            "counted from; remove it to have it run again, or choose another --output"
        )


def _time_left(seconds: float, done: int, count: int) -> str:
    """How long the runs that are left will take, judged by those done; nothing before the first."""
    if not done:
        return ""
    minutes = seconds / done * (count - done) / 60
    return f", about {max(1, round(minutes))} min left"
