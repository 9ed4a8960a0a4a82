"""Runs a search for the cheapest plan and writes its recipe."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from mtl_keras.data.hub_datasets import HubDataset
from mtl_keras.data.task import Task
from mtl_keras.display import show
from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.evaluation.latency import milliseconds
from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.plan_search import (
    Halving,
    Result,
    cheapest_within,
    frontier,
)
from mtl_keras.experiments.search_space import Candidate, is_open
from mtl_keras.experiments.trials import Trial, Trials
from mtl_keras.models.inference import ForwardPass, encoded
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.plain import check_files
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import load_encoder, open_datasets
from mtl_keras.runs.run import Run
from mtl_keras.storage.locks import one_writer
from mtl_keras.training.train_recipe import make_reproducible

RECORD, FOUND = "search.json", "recipe.yaml"
FULL_TRAININGS = 4  # the default budget, in full fine-tunings
COSTS = ("training", "latency")
Cost: TypeAlias = Literal["training", "latency"]


def search(
    recipe: Recipe,
    folder: str | Path,
    *,
    within: float = 1.0,
    cost: Cost = "training",
    budget: Budget | None = None,
    report: Callable[[str], None] = show,
) -> dict:
    """Finds the cheapest training plan whose score is within `within` points of the best.

    Candidates are depth (the number of blocks below the heads) × frozen prefix × learning rates.
    `plan_search.Halving` tries them on the validation split; the longest training has the recipe's
    epochs. Levels, rates and encoder settings that the recipe gives are kept.

    Args:
        recipe: tasks, encoder and settings.
        folder: new or empty; the search writes `recipe.yaml`, which `train` reads, and
            `search.json` into it.
        within: allowed distance from the best score in points. A point is 0.01 of the mean of the
            tasks' metrics; an error counts as its negative.
        cost: `training` (seconds of the whole training) or `latency` (milliseconds for one text).
        budget: limit on the search's cost, in epochs of full fine-tuning or minutes. None: four
            full fine-tunings.
        report: receives a line for each candidate tried.

    Returns:
        The content of `search.json`: `recipe`, `within`, `cost`; `seconds` of the search;
        `full_seconds` of one full fine-tuning; `tried`, every training; `results`, those to choose
        from, each with `plan`, `score`, `training_seconds`, `latency_ms`; `front`, the indices of
        results that no other beats in both cost and score, cheapest first; `chosen`, the index of
        the chosen one.

    Raises:
        InputError: `within` is negative, no candidate fits the budget, the recipe's strategy uses
            several devices, a task has own blocks, or the folder is not empty.
    """
    _check(recipe, within, cost, budget)
    run = Run(folder)
    run.check_free()
    with one_writer(folder):
        bench = _Bench(recipe, report)
        stage = bench.template
        solved = bench.solved(60 * minutes if budget and (minutes := budget.minutes) else math.inf)
        halving = Halving(stage.epochs, bench.run, solved, stage.learning_rate.free)
        full, limit = _limit(halving, bench, budget)
        results = halving.search(limit)
        latencies = {blocks: bench.latency(blocks) for blocks in bench.depths}
        rows = [_row(result, latencies) for result in results]
        costs = [row["latency_ms" if cost == "latency" else "training_seconds"] for row in rows]
        chosen = cheapest_within(results, costs, within)
        yaml = bench.recipe_of(results[chosen].candidate, Path(folder))
        run.write(FOUND, lambda path: path.write_text(yaml, encoding="utf-8"))
        tried = (*halving.solved, *halving.results)
        record = {
            "recipe": str(recipe.path),
            "within": within,
            "cost": cost,
            "seconds": bench.seconds,
            "full_seconds": full,
            "tried": [_row(result, latencies) for result in tried],
            "results": rows,
            "front": frontier(results, costs),
            "chosen": chosen,
        }
        run.write_json(RECORD, record)
    return record


class _Bench:
    """Trains candidates of one encoder, each from the published weights and solved heads."""

    def __init__(self, recipe: Recipe, report: Callable[[str], None]):
        self._started = time.perf_counter()
        self._recipe, self._report = recipe, report
        make_reproducible(recipe)
        self._datasets = open_datasets(recipe)
        self._encoder = load_encoder(recipe)
        self._published = [(v, replicas.value_of(v)) for v in self._encoder.transformer.variables]
        self._models: dict[int, MultiTaskModel] = {}
        self._trials: dict[int, Trials] = {}
        self.blocks = len(self._encoder.layer_groups) - 1
        self.template: Stage = recipe.plan.as_template()

    @property
    def depths(self) -> list[int]:
        """The numbers of blocks tried so far."""
        return sorted(self._trials)

    @property
    def seconds(self) -> float:
        """Seconds since the search began."""
        return time.perf_counter() - self._started

    def solved(self, limit: float) -> list[Result]:
        """Solves heads at each depth, until `limit` seconds are spent; returns the results."""
        results: list[Result] = []
        for blocks in self._depths():
            if sum(result.seconds for result in results) < limit:
                results.append(self._solve(blocks))
        return results

    def run(self, candidate: Candidate, epochs: float) -> Trial:
        """Trains a candidate from its solved heads."""
        trial = self._trials[candidate.blocks].run(candidate.trained(self.template), epochs)
        score = "diverged" if trial.best is None else f"{trial.best:.4f}"
        self._report(f"{candidate}: {score} after {epochs:.3g} epochs ({trial.seconds:.0f} s)")
        return trial

    def latency(self, blocks: int) -> float:
        """Returns the milliseconds that a model of this many blocks takes for one text."""
        model = self._models[blocks]
        model.start_above(None)
        task = next(iter(self._datasets.values()))
        text = next(iter(task.examples("validation"))).text
        forward, batch = ForwardPass(model), encoded([text], model.encoder.tokenizer)
        return milliseconds(lambda: forward(batch))

    def recipe_of(self, candidate: Candidate, folder: Path) -> str:
        """Returns a candidate's recipe as YAML whose paths are relative to a folder."""
        recipe = candidate.recipe(self._recipe, self.template, self.blocks)
        tasks = tuple(_from_folder(task, self._recipe.path.parent, folder) for task in recipe.tasks)
        return replace(recipe, tasks=tasks, path=folder.absolute() / FOUND).to_yaml()

    def _depths(self) -> list[int]:
        """Returns half of the blocks, two thirds (often best for probes), and all."""
        if not all(is_open(dataset.task) for dataset in self._datasets.values()):
            return [self.blocks]  # the recipe sets the levels that heads read
        parts = (self.blocks / 2, 2 * self.blocks / 3, self.blocks)
        return sorted({math.ceil(part) for part in parts})

    def _solve(self, blocks: int) -> Result:
        candidate = Candidate(blocks, blocks)
        recipe = candidate.recipe(self._recipe, self.template, self.blocks)
        for variable, value in self._published:
            replicas.put(variable, value)
        tasks = [
            dataset.task.at_level(task.reads)
            for task, dataset in zip(recipe.tasks, self._datasets.values(), strict=True)
        ]
        model = MultiTaskModel(self._encoder, tasks)
        trial = Trials(recipe, self._datasets, model, list(self._datasets)).run(recipe.plan, 0)
        self._models[blocks] = model
        self._trials[blocks] = Trials(recipe, self._datasets, model, list(self._datasets))
        score = "undefined" if trial.best is None else f"{trial.best:.4f}"
        self._report(f"{candidate}: {score} ({trial.seconds:.0f} s)")
        return Result(candidate=candidate, epochs=0, score=trial.best, seconds=trial.seconds)


def _check(recipe: Recipe, within: float, cost: str, budget: Budget | None) -> None:
    check_files(tuple(recipe.tasks))
    if budget and budget.minutes is None and not budget.epochs:
        raise InputError("no candidate fits a budget of 0 epochs; set a larger budget")
    if recipe.strategy != "auto":
        raise InputError("a search trains on one device; leave out the recipe's 'strategy'")
    if any(task.own_blocks for task in recipe.tasks):
        raise InputError(
            "a search chooses depth and frozen blocks for all tasks together; leave out "
            "own_blocks, and let compare try the plans own:<k>"
        )
    if not (math.isfinite(within) and within >= 0):
        raise InputError(f"within must be a finite number of points, 0 or more. Received: {within}")
    if cost not in COSTS:
        raise InputError(f"cost must be one of {', '.join(COSTS)}. Received: {cost!r}")


def _limit(halving: Halving, bench: _Bench, budget: Budget | None) -> tuple[float | None, float]:
    """Returns the seconds of one full fine-tuning (None if not timed), and the search's limit."""
    if budget and budget.minutes is not None:
        return None, budget.minutes * 60
    full = halving.time_full(bench.blocks)
    epochs = bench.template.epochs
    return full, full / epochs * (budget.epochs if budget else FULL_TRAININGS * epochs)


def _row(result: Result, latencies: Mapping[int, float]) -> dict:
    candidate = result.candidate
    return {
        "plan": str(candidate),
        "blocks": candidate.blocks,
        "frozen": candidate.frozen,
        "rates": dict(candidate.rates),
        "epochs": result.epochs,
        "score": result.score,
        "training_seconds": result.seconds,
        "latency_ms": latencies[candidate.blocks],
    }


def _from_folder(task: Task, before: Path, folder: Path) -> Task:
    """Returns the task with its files' paths relative to `folder`."""
    if isinstance(task.files, HubDataset):
        return task
    files = {
        split: [os.path.relpath(before / str(path), folder) for path in paths]
        for split, paths in task.files.items()
    }
    return replace(task, files=files)
