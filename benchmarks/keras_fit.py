"""Heads over a frozen encoder by `fit`, `fit_batches` and `fit_stages`: seconds of processor time.

    python benchmarks/keras_fit.py            # some minutes

Three epochs over two tasks of 400 texts each of the bundled tickets, all-MiniLM-L6-v2 frozen, in
turn; the first round warms up. `fit_batches` is Keras's `fit` without what we keep.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keras

import mtl_keras as mtl

TEXTS, EPOCHS = 400, 3
TASKS = ("topic", "sentiment")
FILE = Path(mtl.__file__).parent / "samples" / "tickets" / "train.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    datasets = _datasets()
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds + 1):
        for name, train in WAYS.items():
            model = _model(datasets)
            before = time.process_time()
            train(model, datasets)
            if number:
                seconds[name].append(time.process_time() - before)
    stages = statistics.median(seconds["fit_stages"])
    for name, measured in seconds.items():
        median = statistics.median(measured)
        print(f"{name:12} {median:6.1f} s of processor time, {median / stages:.2f} × fit_stages")


def _datasets() -> dict[str, mtl.TaskDataset]:
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:TEXTS]
    return {
        name: mtl.TaskDataset(mtl.Task(name, data={"train": rows}, text="text", label=name))
        for name in TASKS
    }


def _model(datasets: dict[str, mtl.TaskDataset]) -> mtl.MultiTaskModel:
    keras.utils.set_random_seed(0)
    tasks = [dataset.task for dataset in datasets.values()]
    model = mtl.MultiTaskModel("all-MiniLM-L6-v2", tasks)
    mtl.FreezePlan.backbone().apply(model)
    return model


def _by_keras(method: str) -> Callable[[mtl.MultiTaskModel, dict], None]:
    def train(model: mtl.MultiTaskModel, datasets: dict[str, mtl.TaskDataset]) -> None:
        model.compile()
        merged = {split: _merged(model, datasets, split) for split in ("train", "validation")}
        getattr(model, method)(
            merged["train"], validation_data=merged["validation"], epochs=EPOCHS, verbose=0
        )

    return train


def _merged(model: mtl.MultiTaskModel, datasets: dict[str, mtl.TaskDataset], split: str):
    tokenizer = model.encoder.tokenizer
    return mtl.interleave(
        {
            name: mtl.batches(dataset, split, tokenizer, batch_size=32, seed=0)
            for name, dataset in datasets.items()
        }
    )


def _in_stages(model: mtl.MultiTaskModel, datasets: dict[str, mtl.TaskDataset]) -> None:
    stage = mtl.Stage(freeze="backbone", epochs=EPOCHS, solve=False)
    model.fit_stages([stage], datasets, report=lambda line: None, verbose=0)


WAYS = {
    "fit_batches": _by_keras("fit_batches"),
    "fit": _by_keras("fit"),
    "fit_stages": _in_stages,
}


if __name__ == "__main__":
    main()
