"""How right is the forecast? Each freeze plan is forecast, then trained, and both are compared.

    python benchmarks/forecast.py [--rows 800] [--epochs 1] [--plans backbone top:2 none]
                                  [--cpu]

It trains the bundled `tickets` recipe cut to its first rows, each plan in a process of its own,
and prints one JSON line a plan: forecast and true seconds of the stage, their ratio, the same of a
step, and the seconds that the forecast took. Where other jobs share the machine, `--cpu` counts
the seconds of the processor that the process used instead of those that passed.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=800, help="training rows of each task")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--plans", nargs="+", default=["backbone", "top:2", "none"])
    parser.add_argument("--cpu", action="store_true", help="count seconds of the processor")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cpu:
        time.perf_counter = time.process_time
    if options.alone:
        print(json.dumps(compare(options.plans[0], options.rows, options.epochs)))
        return
    size = ["--rows", str(options.rows), "--epochs", str(options.epochs)]
    size += ["--cpu"] if options.cpu else []
    for plan in options.plans:
        subprocess.run([sys.executable, __file__, "--alone", "--plans", plan, *size], check=True)


def compare(plan: str, rows: int, epochs: int) -> dict[str, float | str]:
    """Forecasts the cut recipe under a freeze plan, then trains it."""
    import keras

    from mtl_keras.experiments.forecast import forecast
    from mtl_keras.recipes.recipe import load_recipe
    from mtl_keras.runs.building import build_model, open_datasets
    from mtl_keras.training.materials import Materials
    from mtl_keras.training.trainer import Trainer

    with tempfile.TemporaryDirectory() as folder:
        recipe = load_recipe(write_recipe(Path(folder), plan, rows, epochs))
        keras.utils.set_random_seed(recipe.seed)
        datasets = open_datasets(recipe)
        materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
        start = time.perf_counter()
        expected = forecast(recipe, datasets, materials.model)[0]
        forecast_seconds = time.perf_counter() - start
        trainer = Trainer(materials, Path(folder, "best"))
        result = trainer.run_stage(0, report=lambda line: None, verbose=0)
        seconds = result["seconds"] + result["features_seconds"]
    return {
        "plan": plan,
        "steps": expected.steps,
        "forecast_s": round(expected.seconds, 1),
        "true_s": round(seconds, 1),
        "ratio": round(expected.seconds / seconds, 3),
        "step_ratio": round(expected.step_seconds / result["step_seconds"], 3),
        "forecasting_took_s": round(forecast_seconds, 1),
    }


def write_recipe(folder: Path, plan: str, rows: int, epochs: int) -> Path:
    """The tickets recipe over its first training rows; validation files are unchanged."""
    import yaml

    from mtl_keras.recipes.recipe import bundled_recipes

    source = bundled_recipes()["tickets"]
    recipe = yaml.safe_load(source.read_text(encoding="utf-8"))
    for task in recipe["tasks"].values():
        files = {split: source.parent / name for split, name in task["files"].items()}
        files["train"] = cut(files["train"], folder, rows)
        task["files"] = {split: str(path) for split, path in files.items()}
    recipe["training"]["stages"][0] |= {"freeze": plan, "epochs": epochs}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def cut(file: Path, folder: Path, rows: int) -> Path:
    """The first rows of a CSV file with a header, or the first sentences of a CoNLL file."""
    target = folder / file.name
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".conll":
        target.write_text("\n\n".join(text.split("\n\n")[:rows]) + "\n", encoding="utf-8")
    else:
        lines = itertools.islice(text.splitlines(keepends=True), rows + 1)
        target.write_text("".join(lines), encoding="utf-8")
    return target


if __name__ == "__main__":
    main()
