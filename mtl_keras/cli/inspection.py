"""What `inspect` shows: tasks and their examples, which groups train when, what it will cost."""

import argparse
import dataclasses
from pathlib import Path

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


def inspect(options: argparse.Namespace) -> None:
    """Prints a recipe's or run's tasks and labels, which groups train when, and what it costs."""
    from mtl_keras.data.audit import audit
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.building import build_model, open_datasets
    from mtl_keras.runs.run import Run

    source = Path(options.source)
    run = Run.open(source) if source.is_dir() else None
    recipe = run.recipe if run else load_recipe(source, overrides=options.overrides)
    datasets = open_datasets(recipe, read_all=True, report=warn)
    load_tensorflow()
    from mtl_keras.experiments.forecast import forecast
    from mtl_keras.experiments.forecast import table as forecast_table
    from mtl_keras.plans.plan_table import plan_table

    model = run.model() if run else build_model(recipe, datasets)
    groups = plan_table(model, recipe.plan.stages(list(model.layer_groups)))
    costs = [] if run else forecast(recipe, datasets, model)
    findings = audit(datasets, model.encoder.tokenizer)
    if options.json:
        parts = {"tasks": counts(datasets), "labels": label_counts(datasets), "groups": groups}
        forecasts = [dataclasses.asdict(cost) for cost in costs]
        found = [finding.to_json() for finding in findings]
        print_json(parts | {"forecast": forecasts, "audit": found})
        return
    print_table(counts(datasets), intfmt=",")
    print_label_counts(datasets)
    print_findings(findings)
    show("")
    print_plan(groups)
    if costs:
        show("")
        print_table(forecast_table(costs))
