"""What a checkpoint costs beside the steps of training, and what deterministic operations cost.

    python benchmarks/checkpointing.py [--deterministic]

all-MiniLM-L6-v2, everything trains, on the sample tickets, a checkpoint after every step. Prints
one JSON object; `overhead` is that of a checkpoint every five minutes.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import keras

from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import bundled_recipes, load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.runs.checkpoint_files import StateFolder
from mtl_keras.training.materials import Materials
from mtl_keras.training.train_recipe import make_reproducible
from mtl_keras.training.trainer import Trainer

MINUTES = 5.0
STEPS, LEFT_OUT = 10, 3  # the first trace the step


class AllTimedError(Exception):
    """All steps are timed."""


class Clock(keras.callbacks.Callback):
    """Seconds of each step, and of what comes between two: the checkpoint."""

    def __init__(self):
        super().__init__()
        self.steps: list[float] = []
        self.between: list[float] = []
        self._ended: float | None = None

    def on_train_batch_begin(self, batch, logs=None):
        self._begun = time.perf_counter()
        if self._ended:
            self.between.append(self._begun - self._ended)

    def on_train_batch_end(self, batch, logs=None):
        self._ended = time.perf_counter()
        self.steps.append(self._ended - self._begun)
        if len(self.steps) == STEPS:
            raise AllTimedError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deterministic", action="store_true", help="deterministic operations")
    options = parser.parse_args()
    recipe = replace(
        load_recipe(bundled_recipes()["tickets"]),
        plan=TrainingPlan.of([Stage()]),
        checkpoint_minutes=1e-9,
        deterministic=options.deterministic,
    )
    make_reproducible(recipe)
    datasets, clock = open_datasets(recipe), Clock()
    with tempfile.TemporaryDirectory() as folder:
        states = StateFolder(Path(folder) / "checkpoints")
        materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
        trainer = Trainer(materials, folder, states)
        try:
            trainer.run_stage(0, report=lambda line: None, verbose=0, callbacks=[clock])
        except AllTimedError:
            size = max(path.stat().st_size for path in states.folder.iterdir())
    checkpoint = statistics.median(clock.between[LEFT_OUT:])
    result = {
        "step_seconds": round(statistics.median(clock.steps[LEFT_OUT:]), 4),
        "checkpoint_seconds": round(checkpoint, 4),
        "checkpoint_megabytes": round(size / 1e6),
        "overhead": round(checkpoint / (60 * MINUTES), 5),
        "deterministic": options.deterministic,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
