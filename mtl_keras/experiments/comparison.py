"""Runs training plans side by side over seeds, and reports what each costs, gains and breaks.

Every run is a process of its own, so that its peak memory is its own, and leaves one file; so a
comparison that was interrupted resumes where it was, inside a run from its last checkpoint.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mtl_keras.display import show
from mtl_keras.distribution.child_process import run_python
from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.errors import InputError, WorkError
from mtl_keras.experiments.budget import DEFAULT_BUDGET, Budget
from mtl_keras.experiments.compared_plans import compared_plan, default_plans, needed_jobs
from mtl_keras.experiments.comparison_summary import summarize
from mtl_keras.experiments.report import write_report
from mtl_keras.experiments.running import rate_searches, run_all
from mtl_keras.recipes.plain import check_files
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.run import RECIPE, Run
from mtl_keras.storage.locks import check_unlocked, one_writer
from mtl_keras.training.interruptions import Interruption

RECORD = "comparison.json"
DEPTH = "depth.json"  # how well each task is read off each level, and the level chosen by it


def compare(
    recipe: Recipe,
    folder: str | Path,
    *,
    plans: Sequence[str] = (),
    seeds: int = 3,
    budget: Budget = DEFAULT_BUDGET,
    report: Callable[[str], None] = show,
) -> dict:
    """Compares training plans on a recipe's data and writes the report.

    Each plan trains one model of all tasks and, beside it, a model of each task alone. Every one
    of these models gets its learning rates from a search of its own on the validation split, within
    the same budget; rates that the recipe gives are kept. The recipe's epochs are the most that
    are trained, the best on the validation split is kept; if a plan has more stages than epochs,
    each of its stages has one (see `TrainingPlan`).

    Args:
        recipe: tasks, encoder and settings.
        folder: of the report: `report.json`, `report.md`, `report.html`, and `runs/`, the
            results of every run. One that holds part of this comparison already is resumed.
        plans: names as in `TrainingPlan`; `stages`, the recipe's own stages; and three references
            without a seed, of logistic regression (ridge regression for numbers): `features`, on
            what the frozen encoder gives; `static`, on the mean of its word pieces' own vectors;
            `tfidf`, on TF-IDF of words and pairs of words, for words on their forms and neighbours.
            `head_frozen:<task>` begins with the best single-task model of that task, and
            `head_frozen:<task>+<remedy>` protects it as well: by a name of `protect`, or by
            `own:<k>`, k blocks of its own for each other task above a frozen trunk. `own:<k>` alone
            trains everything, with such blocks for all tasks. When empty: `default_plans`.
        seeds: how many; 0, 1, …
        budget: what the search for the learning rates of one model may cost.
        report: gets what happens, a line at a time.

    Returns:
        What `report.json` holds.

    Raises:
        InputError: data in memory, no seed, an unknown plan, a strategy of several devices, a
            folder with another recipe's results, or in which another process writes.
        WorkError: a run failed, or the folder cannot be written.
        SystemExit: SIGTERM came (status 143).
    """
    _check_possible(recipe, seeds)
    names = tuple(dict.fromkeys(plans)) or default_plans(recipe)
    compared = [compared_plan(recipe, name) for name in names]
    datasets = open_datasets(recipe, read_all=True)
    jobs = needed_jobs(compared, seeds, tuple(datasets))
    check_unlocked(folder)
    _check_folder(Path(folder), recipe, budget)
    if not all((Path(folder) / job.file).is_file() for job in jobs):
        _check_plans(recipe, names)
    with one_writer(folder), Interruption().listening():
        run = _open(Path(folder), recipe, budget)
        if not (run.folder / DEPTH).is_file():
            report("score over depth: a head on every level of the frozen encoder")
            call_job("depth", str(run.folder))
        run_all(run, recipe, jobs, budget, report, call_job)
        results = {job: run.read_json(job.file) for job in jobs}
        summary = summarize(recipe, datasets, compared, seeds, results)
        summary["depth"] = run.read_json(DEPTH)
        summary |= {"budget": str(budget), "rates": rate_searches(run, recipe, jobs, budget)}
        write_report(run.folder, summary)
    return summary


def open_comparison(folder: str | Path) -> tuple[Run, Recipe]:
    """A comparison's folder and its recipe, whose files are where they were."""
    run = Run(folder)
    place = run.read_json(RECORD)["recipe_folder"]
    return run, load_recipe(run.folder / RECIPE, folder=place)


def call_job(*arguments: str) -> None:
    """Runs `experiments.job` with these arguments in a process of its own.

    Raises:
        InputError, WorkError: what it failed with.
    """
    status, line = run_python(["-m", "mtl_keras.experiments.job", *arguments])
    if status:
        kind = InputError if status == 2 else WorkError
        raise kind(line.removeprefix("mtl-keras: "))


def _check_plans(recipe: Recipe, names: Sequence[str]) -> None:
    """Raises `InputError` if the recipe's model lacks the blocks or heads of a plan."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, RECIPE)
        path.write_bytes(recipe.as_written)
        call_job("check", str(path), str(recipe.path.parent), *names)


def _check_possible(recipe: Recipe, seeds: int) -> None:
    check_files(tuple(recipe.tasks))
    if seeds < 1:
        raise InputError(f"a comparison has at least 1 seed. Received: {seeds}")
    if recipe.strategy != "auto" or not Cluster.of_environment().is_alone:
        raise InputError(
            "a comparison trains each of its models on one device; leave out the recipe's "
            f"'strategy', and {TF_CONFIG}"
        )


def _check_folder(folder: Path, recipe: Recipe, budget: Budget) -> None:
    """Raises `InputError` if the folder holds something else than this comparison."""
    run = Run(folder)
    if not (folder / RECORD).is_file():
        run.check_free()
    elif run.read_json(RECORD) != _record(recipe, budget):
        raise InputError(
            f"{folder}: holds the results of another recipe or budget, or of this one before it "
            "was changed (also by --set) or moved; choose another --output"
        )


def _open(folder: Path, recipe: Recipe, budget: Budget) -> Run:
    """The folder, with the recipe in it. One that was killed here left the record alone."""
    run = Run(folder)
    if not (folder / RECORD).is_file():
        Run.create(folder).write_json(RECORD, _record(recipe, budget))
    if not (folder / RECIPE).is_file():
        run.write(RECIPE, lambda path: path.write_bytes(recipe.as_written))
    return run


def _record(recipe: Recipe, budget: Budget) -> dict[str, str]:
    return {
        "budget": str(budget),
        "recipe_sha256": hashlib.sha256(recipe.as_written).hexdigest(),
        "recipe_folder": str(recipe.path.parent),
    }
