"""Gradient combinations and loss weightings beside a sum that is tuned as well as they are.

    python benchmarks/learning_data.py build/comparison --examples 1000   # needs ../shared/data
    python benchmarks/combinations.py build/combinations [--methods sum pcgrad …] [--seeds 3]

trains one model of the three tasks of `comparison.yaml` for each method, in steps that join a batch
of every task. Each method, the sum included, gets the same search: every rate of the encoder in
`--rates`, with seed 0, judged by the best mean of the tasks' metrics on the validation splits.
`tuned_sum` also searches factors of the losses: each task's doubled, and each task's halved. Then
the chosen setting trains with every seed. It prints a Markdown table: test metrics in points, mean
and 95% t-interval over the seeds, and the mean difference from `tuned_sum` of the same seeds.

A run that has ended is not run again, one that was interrupted is resumed; results are in
`results.jsonl` in the folder.
"""

import argparse
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

import keras
from scipy.stats import t as student_t
from tabulate import tabulate

from mtl_keras.data.schedules import Joint
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.recipes.values import COMBINATIONS, WEIGHTINGS
from mtl_keras.training.train_recipe import train

RECIPE = Path(__file__).parent / "comparison.yaml"
SUM, TUNED = "sum", "tuned_sum"
METHODS = (SUM, TUNED, *(n for n in (*COMBINATIONS, *WEIGHTINGS) if n not in (SUM, "equal")))
RATES = (2e-5, 5e-5, 1e-4, 2e-4)


@dataclasses.dataclass(frozen=True)
class Setting:
    """A method with its learning rate and the factors of losses that are not 1."""

    method: str
    rate: float
    factors: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        factors = "".join(f"-{task}x{factor:g}" for task, factor in self.factors)
        return f"{self.method}-{self.rate:g}{factors}"

    def recipe(self, base: Recipe, seed: int) -> Recipe:
        """The base recipe with this method."""
        stage = base.plan.template
        rates = dataclasses.replace(stage.learning_rate, backbone=self.rate)
        changed: dict = {"learning_rate": rates}
        if self.method in COMBINATIONS:
            changed["combine"] = COMBINATIONS[self.method]()
        elif self.method in WEIGHTINGS:
            changed["weighting"] = WEIGHTINGS[self.method]()
        plan = TrainingPlan(base.plan.name, dataclasses.replace(stage, **changed))
        balance = {"schedule": Joint(), "loss_weights": dict(self.factors)}
        return dataclasses.replace(base, plan=plan, seed=seed, **balance)


class Results:
    """The results so far, one JSON line a run."""

    def __init__(self, folder: Path):
        self._folder, self._path = folder, folder / "results.jsonl"
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        self._rows = {(row["name"], row["seed"]): row for row in map(json.loads, lines)}

    def of(self, base: Recipe, setting: Setting, seed: int) -> dict:
        """The result of a run, which is trained if it is not there."""
        if (setting.name, seed) not in self._rows:
            row = _trained(setting.recipe(base, seed), self._folder / f"{setting.name}-{seed}")
            row = {"name": setting.name, "seed": seed} | row
            with self._path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            self._rows[setting.name, seed] = row
        return self._rows[setting.name, seed]


def _trained(recipe: Recipe, folder: Path) -> dict:
    """Trains a run, or the rest of it; its folder is removed once its figures are read."""
    keras.backend.clear_session()
    run = train(recipe, folder, resume=True, verbose=0)
    metrics = {task.name: task.metric for task in recipe.tasks}
    [stage] = run.read_json("history.json")["stages"]
    epochs = zip(*(stage["history"][f"val_{n}_{m}"] for n, m in metrics.items()), strict=True)
    scores = run.read_json("metrics.json")["test"]
    row = {
        "validation": max(map(mean, epochs)),
        "test": {name: scores[name][metric] for name, metric in metrics.items()},
        "seconds": stage["seconds"],
    }
    shutil.rmtree(folder)
    return row


def _searched(method: str, tasks: Sequence[str], rates: Sequence[float]) -> Iterator[Setting]:
    factors: list[tuple] = [()]
    if method == TUNED:
        factors += [((task, factor),) for task in tasks for factor in (2.0, 0.5)]
    for rate in rates:
        for given in factors:
            yield Setting(method, rate, given)


def _table(rows: Mapping[str, Sequence[Mapping]], chosen: Mapping[str, Setting]) -> str:
    lines = []
    for method, of_method in rows.items():
        line = {"method": method, "chosen": chosen[method].name.removeprefix(f"{method}-")}
        for task in of_method[0]["test"]:
            line[task] = _interval([100 * row["test"][task] for row in of_method])
        line["mean"] = _interval([100 * mean(row["test"].values()) for row in of_method])
        if TUNED in rows:
            pairs = zip(of_method, rows[TUNED], strict=True)
            line[f"− {TUNED}"] = _interval(
                [100 * (mean(a["test"].values()) - mean(b["test"].values())) for a, b in pairs]
            )
        line["minutes"] = f"{mean(row['seconds'] for row in of_method) / 60:.1f}"
        lines.append(line)
    return tabulate(lines, headers="keys", tablefmt="pipe", disable_numparse=True)


def _interval(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}"
    width = float(student_t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return f"{mean(values):.1f} ± {width:.1f}"


def main() -> None:
    """Trains what is not trained yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    base, results = load_recipe(options.recipe), Results(options.folder)
    tasks = [task.name for task in base.tasks]
    rows, chosen = {}, {}
    for method in options.methods:
        chosen[method] = max(
            _searched(method, tasks, options.rates),
            key=lambda setting: results.of(base, setting, 0)["validation"],
        )
        rows[method] = [results.of(base, chosen[method], seed) for seed in range(options.seeds)]
    print(_table(rows, chosen))


if __name__ == "__main__":
    main()
