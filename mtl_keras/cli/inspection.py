"""The commands `inspect` (data, which layer groups train when, expected cost) and `check`."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_keras.cli.console import (
    counts,
    load_tensorflow,
    print_findings,
    print_json,
    print_plan,
    print_table,
    warn,
)
from mtl_keras.cli.label_tables import label_counts, print_label_counts
from mtl_keras.display import show

if TYPE_CHECKING:
    from mtl_keras.data.task_dataset import TaskDataset
    from mtl_keras.models.multi_task_model import MultiTaskModel
    from mtl_keras.recipes.recipe import Recipe
    from mtl_keras.runs.left_out import LeftOut
    from mtl_keras.runs.run import Run


def inspect(options: argparse.Namespace) -> None:
    """Prints a recipe's or run's tasks and labels, which layer groups train when, and the cost."""
    from mtl_keras.data.audit import audit
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.building import open_datasets
    from mtl_keras.runs.run import Run

    source = Path(options.source)
    run = Run.open(source) if source.is_dir() else None
    recipe = run.recipe if run else load_recipe(source, overrides=options.overrides)
    datasets = open_datasets(recipe, read_all=True, report=warn)
    load_tensorflow()
    from mtl_keras.experiments.forecast import forecast
    from mtl_keras.experiments.forecast import table as forecast_table
    from mtl_keras.plans.plan_table import plan_table

    model, left_out = _trained(run) if run else _untrained(recipe, datasets)
    groups = plan_table(model, recipe.plan.stages_of_used(list(model.layer_groups)))
    costs = [] if run else forecast(recipe, datasets, model)
    findings = audit(datasets, model.encoder.tokenizer)
    if options.json:
        parts = {"tasks": counts(datasets), "labels": label_counts(datasets), "groups": groups}
        forecasts = [dataclasses.asdict(cost) for cost in costs]
        audited = [finding.to_json() for finding in findings]
        saved = left_out.to_json() if left_out else None
        print_json(parts | {"left_out": saved, "forecast": forecasts, "audit": audited})
        return
    print_table(counts(datasets), intfmt=",")
    print_label_counts(datasets)
    print_findings(findings)
    show("")
    print_plan(groups)
    if left_out:
        show(left_out.in_words())
    if costs:
        show("")
        print_table(forecast_table(costs))


def check(options: argparse.Namespace) -> int:
    """Reports everything wrong with a recipe's data at once, and what is suspicious. The exit
    status is 2 if training would refuse something; suspicious data alone leave it 0.
    """
    from mtl_keras.recipes.recipe import load_recipe

    recipe = load_recipe(options.recipe, overrides=options.overrides)
    load_tensorflow()
    from mtl_keras.runs.data_check import check as check_data

    result = check_data(recipe, report=warn)
    if options.json:
        print_json(result.to_json())
    else:
        show(str(result))
    return 0 if result.is_right else 2


def _trained(run: "Run") -> "tuple[MultiTaskModel, LeftOut | None]":
    """A run's model, and the blocks it leaves out; None if none, or if an old run has no entry."""
    from mtl_keras.runs.left_out import LeftOut
    from mtl_keras.runs.run import LEFT_OUT, RECORD

    saved = run.read_json(RECORD).get(LEFT_OUT)
    return run.model(), LeftOut.from_json(saved) if saved else None


def _untrained(
    recipe: "Recipe", datasets: "Mapping[str, TaskDataset]"
) -> "tuple[MultiTaskModel, LeftOut | None]":
    """A recipe's model, and the blocks it leaves out; None if none."""
    from mtl_keras.runs.building import build_model, load_encoder
    from mtl_keras.runs.left_out import LeftOut

    encoder = load_encoder(recipe)
    model = build_model(recipe, datasets, encoder)
    left_out = LeftOut.of(encoder, model.branches.deepest)
    return model, left_out if left_out.blocks else None
