"""The learning benchmark's own side: mtl_keras on the files that `learning_data.py` wrote.

`python benchmarks/learning.py WORK --results results.jsonl` trains the recipe of
`learning_peer.py` (which says what it is) and writes rows of the same form, side `ours`. Rows
already there are not computed again.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import learning_data
import tensorflow as tf

import mtl_keras as mtl

MODES = ("single", "joint")
MAX_LENGTH = 128
BATCH_SIZE = 32
EPOCHS = 3
METRIC = {"classification": "accuracy", "tagging": "span_f1"}


def open_dataset(folder: Path, name: str) -> mtl.TaskDataset:
    """The files of a task, with the labels of its full training file."""
    task = mtl.Task(
        name,
        kind="tagging" if name in learning_data.TAGGING else "classification",
        labels=learning_data.read_labels(folder, name),
        files={
            split: str(learning_data.path(folder.resolve(), name, split))
            for split in learning_data.SPLITS
        },
    )
    return mtl.TaskDataset(task)


def run(datasets: Sequence[mtl.TaskDataset], mode: str, seed: int) -> list[dict]:
    """Trains one model for the given tasks and gives a row of results for each."""
    keras.utils.set_random_seed(seed)
    encoder = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=MAX_LENGTH)
    model = mtl.MultiTaskModel(encoder, [dataset.task for dataset in datasets])
    model.compile(mtl.layerwise_adamw(model, head_lr=1e-3, backbone_lr=1e-4, weight_decay=0.01))
    batches = {
        dataset.task.name: mtl.batches(
            dataset, "train", encoder.tokenizer, batch_size=BATCH_SIZE, seed=seed
        )
        for dataset in datasets
    }
    start = time.perf_counter()
    model.fit(mtl.interleave(batches, "proportional", seed=seed), epochs=EPOCHS, verbose=0)
    seconds = round(time.perf_counter() - start, 1)
    rows = []
    for dataset in datasets:
        metric = METRIC[dataset.task.kind]
        value = mtl.evaluate(model, dataset, "test")[metric]
        row = {"side": "ours", "mode": mode, "task": dataset.task.name, "seed": seed}
        rows.append(row | {"metric": metric, "value": round(value, 5), "seconds": seconds})
    return rows


def main() -> None:
    """Runs what is not in the results yet."""
    arguments = _arguments()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    datasets = {name: open_dataset(arguments.folder, name) for name in learning_data.TASKS}
    measured = _known_rows(arguments.results)
    for mode, seed, group in _plan(arguments):
        if all(("ours", mode, name, seed) in measured for name in group):
            continue
        rows = run([datasets[name] for name in group], mode, seed)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        print(lines, end="", flush=True)
        with arguments.results.open("a", encoding="utf-8") as stream:
            stream.write(lines)
        keras.backend.clear_session()


def _known_rows(results: Path) -> set[tuple]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return {tuple(json.loads(line)[k] for k in ("side", "mode", "task", "seed")) for line in lines}


def _plan(arguments: argparse.Namespace) -> Iterator[tuple[str, int, Sequence[str]]]:
    for seed, mode in itertools.product(arguments.seeds, arguments.modes):
        single = [[task] for task in learning_data.TASKS]
        for group in single if mode == "single" else [learning_data.TASKS]:
            yield mode, seed, group


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where learning_data.py wrote the files")
    parser.add_argument("--results", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
