"""What a comparison does in processes of its own: `python -m mtl_keras.experiments.job`."""

import functools
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

from mtl_keras.data.levels import AUTO
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import show
from mtl_keras.distribution.lifeline import end_with_parent
from mtl_keras.errors import InputError, WorkError
from mtl_keras.evaluation.lexical import Lexical
from mtl_keras.evaluation.peak_memory import peak_bytes
from mtl_keras.evaluation.probing import Probe
from mtl_keras.evaluation.readings import EncoderFeatures, Reading, StaticVectors
from mtl_keras.evaluation.scores import Scores, score_all
from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.compared_plans import FEATURES, STATIC, TFIDF, Job, compared_plan
from mtl_keras.experiments.comparison import DEPTH, RECORD, open_comparison
from mtl_keras.experiments.differences import CONTRIBUTED
from mtl_keras.experiments.job_recipe import recipe_of
from mtl_keras.experiments.rate_search import choose_rates
from mtl_keras.experiments.single_task_start import SingleTaskStart
from mtl_keras.experiments.trials import Trials
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.plan_table import plan_grid
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.runs.building import build_model, check_plan, load_encoder, open_datasets
from mtl_keras.runs.provenance import provenance
from mtl_keras.runs.run import BEST, Run
from mtl_keras.runs.unfinished import (
    NORMALIZES,
    begin,
    check_data,
    checkpoints_of,
    normalizes_as_source,
)
from mtl_keras.storage.locks import one_writer
from mtl_keras.storage.refusals import as_user_error
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.materials import Materials
from mtl_keras.training.solving.depth import scored_depth
from mtl_keras.training.train_recipe import make_reproducible
from mtl_keras.training.trainer import Trainer

# What the linear models of each of `compared_plans.REFERENCES` read.
READINGS: dict[str, type[Reading]] = {
    FEATURES: EncoderFeatures,
    STATIC: StaticVectors,
    TFIDF: Lexical,
}


def main(arguments: Sequence[str]) -> int:
    """Does one of four works.

    `check RECIPE FOLDER PLAN…` checks plans, `depth FOLDER` scores heads at every level,
    `rates FOLDER PLAN TASK…` chooses learning rates, and `run FOLDER PLAN SEED TASK…` runs a job.
    """
    work, place, *rest = arguments
    try:
        if work == "check":
            folder, *plans = rest
            check_plans(load_recipe(place, folder=folder), plans)
        elif work == "depth":
            _find_depth(*open_comparison(place))
        elif work == "rates":
            plan, *tasks = rest
            run, recipe = open_comparison(place)
            find_rates(_with_levels(run, recipe, plan), Job(plan, 0, tuple(tasks)), run)
        else:
            plan, seed, *tasks = rest
            job = Job(plan, int(seed), tuple(tasks))
            run, recipe = open_comparison(place)
            own_folder = Run(run.folder / job.folder)
            results = run_job(_with_levels(run, recipe, plan), job, own_folder, run)
            run.write_json(job.file, results)
            shutil.rmtree(run.folder / job.folder, ignore_errors=True)
    except (InputError, WorkError, OSError) as failure:
        error = as_user_error(failure) if isinstance(failure, OSError) else failure
        show(f"mtl-keras: {error}", sys.stderr)
        return 1 if isinstance(error, WorkError) else 2
    return 0


def _with_levels(comparison: Run, recipe: Recipe, plan: str) -> Recipe:
    """The recipe with the level of every head; those left open are chosen once for all jobs."""
    recipe = compared_plan(recipe, plan).reading(recipe)
    if not any(task.reads == AUTO for task in recipe.tasks):
        return recipe
    if not (comparison.folder / DEPTH).is_file():
        _find_depth(comparison, recipe)
    depth = comparison.read_json(DEPTH)
    tasks = (
        task.at_level(depth[task.name]["reads"]) if task.reads == AUTO else task
        for task in recipe.tasks
    )
    return replace(recipe, tasks=tuple(tasks))


def _find_depth(comparison: Run, recipe: Recipe) -> None:
    """Writes what a head reaches at each level, for every task."""
    datasets = open_datasets(recipe)
    split, encoder = _scored_split(datasets), load_encoder(recipe)
    comparison.write_json(DEPTH, scored_depth(encoder, datasets, split, seed=recipe.seed))


def _scored_split(datasets: Mapping[str, TaskDataset]) -> str:
    """The split that is scored: `test` if every task has one."""
    has_test = all("test" in dataset.counts for dataset in datasets.values())
    return "test" if has_test else "validation"


def check_plans(recipe: Recipe, plans: Sequence[str]) -> None:
    """Raises `InputError` if the recipe's model lacks the blocks, heads or levels of a plan."""
    encoder = load_encoder(recipe)
    models: dict[tuple, MultiTaskModel] = {}
    for compared in (compared_plan(recipe, name) for name in plans):
        if compared.training is None:
            continue
        try:
            shape = (compared.reads, compared.own_blocks)
            if shape not in models:
                read = compared.reading(recipe)
                models[shape] = build_model(read, open_datasets(read), encoder)
            check_plan(compared.training, encoder, models[shape])
        except InputError as error:
            raise InputError(f"plan {compared.name}: {error}") from None


def find_rates(recipe: Recipe, job: Job, comparison: Run) -> None:
    """Writes the learning rates that a job's plan has for its tasks, chosen within the budget.

    If it was interrupted, the trials that are done are not run again.
    """
    compared, recipe = compared_plan(recipe, job.plan), recipe_of(recipe, job)
    make_reproducible(recipe)
    datasets = open_datasets(recipe)
    model = build_model(recipe, datasets)
    SingleTaskStart(comparison, job, compared.protects).begin(model)
    trials = Trials(recipe, datasets, model, compared.judged(job.tasks))

    def save(record: dict) -> None:
        comparison.write_json(job.search_file, record)

    tried = []
    if (comparison.folder / job.search_file).is_file():
        tried = comparison.read_json(job.search_file)["candidates"]
    budget = Budget.parse(comparison.read_json(RECORD)["budget"])
    save(choose_rates(recipe.plan, budget, trials.run, tried=tried, save=save))


def run_job(recipe: Recipe, job: Job, run: Run, comparison: Run | None = None) -> dict:
    """Trains and evaluates a job's model, from its last checkpoint if it was interrupted.

    Args:
        recipe: that of the comparison.
        job: what of it is run.
        run: the folder for what it needs to go on, which may be removed afterwards.
        comparison: the folder with the learning rates that were chosen for it, and the
            single-task models that plans begin with; None: it has neither.

    Returns:
        `split`; `metrics` by task; `contributed`, task → what each example adds to its metric;
        `trainable_parameters`, the most of any stage;
        `step_seconds`, `wall_seconds` of training, `peak_memory_bytes` of the process; `drift`
        by task, of the model that is scored; `grid`, what trains when; `curves`, task → its
        metric after each epoch; `best_epoch`, whose weights are scored, None if the last are;
        `begins_with`, the plan of the single-task model that it began with, None if there is none.
    """
    compared = compared_plan(recipe, job.plan)
    rates = _chosen_rates(comparison, job) if comparison and compared.training else {}
    recipe = recipe_of(recipe, job, rates)
    make_reproducible(recipe)
    datasets = open_datasets(recipe)
    split = _scored_split(datasets)
    if compared.training is None:
        results = _fit_reference(recipe, datasets, split, READINGS[job.plan])
    else:
        start = SingleTaskStart(comparison, job, compared.protects)
        results = _train(recipe, datasets, split, run, start, compared.judged(job.tasks))
    return {"split": split, "peak_memory_bytes": peak_bytes()} | results


def _chosen_rates(comparison: Run, job: Job) -> dict[str, float]:
    """Those that the search chose, if the plan had something to choose."""
    if not (comparison.folder / job.search_file).is_file():
        return {}
    chosen: dict[str, float] = comparison.read_json(job.search_file)["chosen"]
    return chosen


def _train(
    recipe: Recipe,
    datasets: Mapping[str, TaskDataset],
    split: str,
    run: Run,
    start: SingleTaskStart,
    judged: Sequence[str],
) -> dict:
    as_source = normalizes_as_source(run)
    encoder = load_encoder(recipe, as_in_0_1_0=not as_source)
    model = build_model(recipe, datasets, encoder)
    begins_with = start.begin(model)
    materials = Materials.of(recipe, datasets, model)
    with one_writer(run.folder), Interruption().listening() as interruption:
        facts = provenance(datasets, recipe.path.parent) | {NORMALIZES: as_source}
        has_begun = begin(run, None, facts, resume=True, report=_silent)
        trainer = Trainer(materials, run.folder / BEST, checkpoints_of(run), interruption, judged)
        if has_begun:
            trainer.resume(_silent)
        stages = trainer.run_stages(
            report=_silent,
            verbose=0,
            at_end=functools.partial(check_data, run, datasets, recipe.path.parent),
        )
    epochs = [len(stage["history"]["loss"]) for stage in stages]
    start.offer(model, datasets)
    return {
        **_scored(score_all(materials.model, datasets, split)),
        "trainable_parameters": max(map(_trainable, stages)),
        "step_seconds": _mean_step(stages),
        "wall_seconds": sum(stage["seconds"] + stage["features_seconds"] for stage in stages),
        "drift": trainer.drift(),
        "grid": plan_grid(materials.model, materials.stages, epochs),
        "curves": {name: _curve(stages, dataset.task) for name, dataset in datasets.items()},
        "best_epoch": trainer.selection.best.get(str(recipe.restore), {}).get("epoch"),
        "begins_with": begins_with,
    }


def _scored(scores: Mapping[str, Scores]) -> dict[str, dict]:
    return {
        "metrics": {name: of_task.metrics for name, of_task in scores.items()},
        CONTRIBUTED: {name: of_task.contributed.tolist() for name, of_task in scores.items()},
    }


def _silent(line: str) -> None:
    """Discards progress: a comparison reports only which job runs."""


def _fit_reference(
    recipe: Recipe, datasets: Mapping[str, TaskDataset], split: str, reading: type[Reading]
) -> dict:
    model = build_model(recipe, datasets)
    stages = [Stage(freeze=FreezePlan.all())] if reading.runs_encoder else []
    started = time.perf_counter()
    encoder_of = model.branches.encoder_of
    probes = {
        name: Probe.fit(encoder_of(name), dataset, reading) for name, dataset in datasets.items()
    }
    seconds = time.perf_counter() - started
    return {
        **_scored({name: probe.score(datasets[name], split) for name, probe in probes.items()}),
        "trainable_parameters": 0,
        "step_seconds": None,
        "wall_seconds": seconds,
        "drift": {},
        "grid": plan_grid(model, stages, epochs=[0] * len(stages)),
        "curves": {},
        "best_epoch": None,
        "begins_with": None,
    }


def _trainable(stage: Mapping) -> int:
    return sum(row["parameters"] for row in stage["groups"] if row["trains"])


def _mean_step(stages: Sequence[Mapping]) -> float | None:
    """The stages' mean step, each as often as it had epochs."""
    measured = [
        stage["step_seconds"]
        for stage in stages
        if stage["step_seconds"] is not None
        for _ in stage["history"]["loss"]
    ]
    return mean(measured) if measured else None


def _curve(stages: Sequence[Mapping], task: Task) -> list[float | None]:
    name = f"val_{task.name}_{task.metric}"
    return [value for stage in stages for value in stage["history"][name]]


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1:]))
