"""Kills trainings with SIGKILL, resumes them, and compares what they end with, bit for bit.

    python benchmarks/kills.py build/kills [--kills 30]

A run of three stages on the sample tickets, with the small BERT of ../shared. Most kills come at
random moments; some on purpose while a checkpoint is written, as a stage begins, and while the
features of the frozen layers are computed. Writes `kills.json` into the folder.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import h5py

import mtl_keras
from mtl_keras.cli.main import main as main_of_cli

SHARED = Path(os.environ.get("MTL_SHARED", Path(__file__).parents[2] / "shared"))
ENCODER = SHARED / "models/tfhub/small_bert_bert_en_uncased_L-2_H-128_A-2_random_weights"
SAMPLES = Path(mtl_keras.__file__).parent / "samples/tickets"
RECIPE = """\
encoder: {encoder}
max_length: 32
tasks:
  topic:
    files: {{train: train.csv, validation: validation.csv}}
    columns: {{text: text, label: topic}}
  entities:
    kind: tagging
    files: {{train: train.conll, validation: validation.conll}}
training:
  checkpoint_minutes: 0.002
  stages:
    - {{freeze: backbone, epochs: 2, learning_rate: {{schedule: cosine}}}}
    - {{freeze: "top:1", epochs: 2, learning_rate: {{schedule: linear, warmup: 0.1}}}}
    - freeze: none
      epochs: 1
      tasks: [entities]
      protect: distillation
"""
MOMENTS = ("a random moment", "a checkpoint is written", "a stage begins", "features are computed")
TEXTS, VALIDATION_TEXTS = 128, 48  # of each task
# Each process is new, but its imports are done: it is forked from one that has done nothing else.
PROCESSES = multiprocessing.get_context("forkserver")
LONGEST = 600  # seconds that a process may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30, help="at random moments")
    parser.add_argument("--on-purpose", type=int, default=3, help="at each of the worst moments")
    options = parser.parse_args()
    folder = options.folder
    recipe = prepare(folder)
    PROCESSES.set_forkserver_preload(["mtl_keras.training.train_recipe"])

    seconds = Killed(recipe, folder / "never", MOMENTS[0], after=LONGEST).seconds
    expected = results(folder / "never")
    generator = random.Random(0)
    left = Counter({MOMENTS[0]: options.kills} | dict.fromkeys(MOMENTS[1:], options.on_purpose))
    kills, equal, runs = Counter(), 0, 0
    while left.total():
        runs, run = runs + 1, folder / f"run-{runs}"
        while True:
            moment = generator.choice(sorted(left.elements())) if left.total() else MOMENTS[0]
            after = generator.uniform(0, seconds) if left.total() else LONGEST
            one = Killed(recipe, run, moment, after=after)
            if one.has_ended:
                break
            kills[moment] += 1
            left[moment] -= 1
        equal += results(run) == expected
        shutil.rmtree(run)
        record = {"kills": kills.total(), "by_moment": dict(kills), "runs": runs, "equal": equal}
        print(json.dumps(record), flush=True)
    (folder / "kills.json").write_text(json.dumps(record, indent=2) + "\n")
    sys.exit(equal != runs)


def prepare(folder: Path) -> Path:
    """A new folder with the recipe and its files; the recipe."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for split, count in (("train", TEXTS), ("validation", VALIDATION_TEXTS)):
        rows = (SAMPLES / f"{split}.csv").read_text().splitlines(keepends=True)
        (folder / f"{split}.csv").write_text("".join(rows[: count + 1]))
        sentences = (SAMPLES / f"{split}.conll").read_text().split("\n\n")
        (folder / f"{split}.conll").write_text("\n\n".join(sentences[:count]) + "\n")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(encoder=ENCODER.resolve()))
    return recipe


class Killed:
    """A process that trains, or resumes, and is killed at a moment, if that moment comes.

    Args:
        recipe: what it trains.
        run: its folder.
        moment: one of `MOMENTS`.
        after: seconds of computing, for a random moment.
    """

    def __init__(self, recipe: Path, run: Path, moment: str, *, after: float):
        self.log = run.with_suffix(".log")
        self.log.unlink(missing_ok=True)
        process = PROCESSES.Process(target=train, args=(recipe, run, self.log))
        process.start()
        self.seconds = 0.0
        while process.is_alive():
            self.seconds = max(self.seconds, computed(process.pid))
            if self._is_there(moment, run, self.seconds >= after):
                process.kill()
                process.join()
            time.sleep(0.002 if moment == MOMENTS[1] else 0.02)
        self.has_ended = process.exitcode == 0
        if process.exitcode not in (0, -signal.SIGKILL):
            sys.exit(self.log.read_text())

    def _count(self, words: str) -> int:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return sum(line.startswith(words) for line in lines)

    def _is_there(self, moment: str, run: Path, is_time: bool) -> bool:
        if moment == MOMENTS[1]:
            return any((run / "checkpoints").glob(".partial-*"))
        if moment == MOMENTS[2]:
            return self._count("stage ") > 1
        if moment == MOMENTS[3]:
            return self._count("features of") > 0
        return is_time


def computed(pid: int) -> float:
    """Seconds that a process has computed; 0 for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def train(recipe: Path, run: Path, log: Path) -> None:
    """The command, in a process of its own that writes to the log what it does."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main_of_cli(["train", str(recipe), "--output", str(run), "--resume", "--quiet"]))


def results(run: Path) -> dict:
    """History without what a clock says, metrics, and all arrays that were saved."""
    history = json.loads((run / "history.json").read_bytes())
    for stage in history["stages"]:
        for name in [name for name in stage if name.endswith("seconds")]:
            del stage[name]
    shutil.unpack_archive(run / "model.keras", run / "unpacked", "zip")
    with h5py.File(run / "unpacked" / "model.weights.h5") as file:
        names: list[str] = []
        file.visit(names.append)
        arrays = {n: file[n][()].tobytes() for n in names if isinstance(file[n], h5py.Dataset)}
    best = {path.name: path.read_bytes() for path in (run / "best").glob("*.safetensors")}
    metrics = json.loads((run / "metrics.json").read_bytes())
    return {"history": history, "metrics": metrics, "arrays": arrays, "best": best}


if __name__ == "__main__":
    main()
