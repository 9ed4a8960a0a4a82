"""Whether gradual thawing and layer-wise rates lose to full fine-tuning where data are few.

    python benchmarks/learning_data.py build/small --examples 500
    python benchmarks/small_data.py build/small_data.jsonl

trains one model of the three tasks of `small_data.yaml` for each variant and seed, and prints the
test metrics beside those of `full`. Runs that are in the results already are not run again.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

import keras
from scipy.stats import t as student_t
from tabulate import tabulate

from mtl_keras.experiments.compared_plans import Job
from mtl_keras.experiments.job import run_job
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe, load_recipe

RECIPE = Path(__file__).parent / "small_data.yaml"
FULL, GRADUAL, DECAY = "full", "gradual", "full, decay 0.8"
VARIANTS = (FULL, GRADUAL, DECAY)


def recipe_of(recipe: Recipe, variant: str) -> Recipe:
    """The recipe with a variant's plan."""
    stage = recipe.plan.template
    if variant == DECAY:
        rates = dataclasses.replace(stage.learning_rate, decay=0.8)
        stage = dataclasses.replace(stage, learning_rate=rates)
    plan = TrainingPlan(variant.split(",")[0], stage)
    return dataclasses.replace(recipe, plan=plan)


def run(recipe: Recipe, variant: str, seed: int) -> dict:
    """Trains a variant's model of all tasks and gives its row of results."""
    keras.backend.clear_session()
    recipe = recipe_of(recipe, variant)
    job = Job(recipe.plan.name, seed, tuple(task.name for task in recipe.tasks))
    results = run_job(recipe, job)
    metrics = {task.name: results["metrics"][task.name][task.metric] for task in recipe.tasks}
    return {"variant": variant, "seed": seed, "metrics": metrics}


def table(rows: Sequence[Mapping]) -> str:
    """Each variant: mean and 95% t-interval over the seeds, in points, and its gain over `full`."""
    lines = []
    for variant in dict.fromkeys(row["variant"] for row in rows):
        line = {"plan": variant}
        for task in rows[0]["metrics"]:
            values, reference = (_values(rows, name, task) for name in (variant, FULL))
            line[task] = f"{mean(values):.1f} ± {_interval(values):.1f}"
            line[f"− full ({task})"] = f"{mean(values) - mean(reference):+.1f}"
        lines.append(line)
    return tabulate(lines, headers="keys", tablefmt="pipe")


def _values(rows: Iterable[Mapping], variant: str, task: str) -> list[float]:
    return [100 * row["metrics"][task] for row in rows if row["variant"] == variant]


def _interval(values: Sequence[float]) -> float:
    count = len(values)
    if count < 2:
        return float("nan")
    return float(student_t.ppf(0.975, count - 1)) * stdev(values) / count**0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="JSON lines")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    options = parser.parse_args()
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    rows = [json.loads(line) for line in lines]
    recipe = load_recipe(RECIPE)
    for seed in range(options.seeds):
        for variant in options.variants:
            if (variant, seed) not in {(row["variant"], row["seed"]) for row in rows}:
                rows.append(run(recipe, variant, seed))
                with options.results.open("a") as stream:
                    stream.write(json.dumps(rows[-1]) + "\n")
                print(rows[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
