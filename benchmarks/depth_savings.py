"""What it saves if no head reads above a block: parameters, MiB of the SavedModel, ms per text.

    python benchmarks/depth_savings.py WORK [--level block_3] [--texts 64]

It exports the three tasks of the bundled tickets on all-MiniLM-L6-v2 twice into WORK, with heads at
the last block and at the level, and prints a Markdown table. Heads are as they begin: size and
speed owe nothing to what they learnt. A time is the median of calls of `serving_default`, in turn,
with that many of the tickets' validation texts, divided by their number.
"""

import argparse
import csv
import dataclasses
import statistics
import timeit
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401  (the tokenizer's operations)

from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.recipes.recipe import Recipe, bundled_recipes, load_recipe
from mtl_keras.runs.building import load_encoder, open_datasets

ROUNDS = 15


def main() -> None:
    """Exports twice, times in turn, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--level", default="block_3")
    parser.add_argument("--texts", type=int, default=64)
    options = parser.parse_args()
    recipe = load_recipe(bundled_recipes()["tickets"])
    encoder, levels = load_encoder(recipe), ("last", options.level)
    counts = {level: export(recipe, encoder, level, options.work / level) for level in levels}
    batches = {size: tf.constant(texts(recipe)[:size]) for size in (1, options.texts)}
    times = {size: milliseconds(options.work, levels, text) for size, text in batches.items()}
    print("| heads read | parameters | SavedModel | 1 text |", f"{options.texts} texts, each |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for level in levels:
        folder = options.work / level
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
        calls = " | ".join(f"{times[size][level]:.2f} ms" for size in times)
        print(f"| `{level}` | {counts[level]:,} | {size:.1f} MiB | {calls} |")


def export(recipe: Recipe, encoder: TextEncoder, level: str, folder: Path) -> int:
    """Exports the tasks with heads at a level; returns the model's parameters."""
    tasks = [
        dataclasses.replace(dataset.task, reads=level) for dataset in open_datasets(recipe).values()
    ]
    model = MultiTaskModel(encoder, tasks)
    export_saved_model(model, folder)
    return model.count_params()


def texts(recipe: Recipe) -> list[str]:
    """The validation texts of the bundled tickets."""
    with open(recipe.path.parent / "tickets" / "validation.csv", encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)]


def milliseconds(work: Path, levels: tuple[str, ...], text: tf.Tensor) -> dict[str, float]:
    """Level → the median of its calls a text, one of each level after the other."""
    asks = {level: tf.saved_model.load(str(work / level)).signatures[SERVING] for level in levels}
    for ask in asks.values():
        ask(text=text)
    rounds = [
        {
            level: timeit.timeit(lambda ask=ask: ask(text=text), number=1)
            for level, ask in asks.items()
        }
        for _ in range(ROUNDS)
    ]
    medians = {level: statistics.median(seconds[level] for seconds in rounds) for level in levels}
    return {level: 1000 * median / len(text) for level, median in medians.items()}


if __name__ == "__main__":
    main()
