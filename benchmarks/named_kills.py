"""Kills trainings, exports and comparisons at 30 named points, resumes them, and compares.

    python benchmarks/named_kills.py build/named_kills [train export compare]

The trainings are those of kills.py. A process kills itself (SIGKILL) at the point: before a file
gets its name, while it goes to the disk, inside the final evaluation, while an export is compared
with its model, … Each time the next process resumes, up to its own point. What the last one ends
with is compared, bit for bit, with what came of one that was never killed; after each kill every
file that is in its place must be whole. Writes `named_kills.json` into the folder.
"""

import argparse
import importlib
import json
import os
import signal
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kills import ENCODER, PROCESSES, prepare, results
from safetensors import safe_open

from mtl_keras.cli.main import main as main_of_cli
from mtl_keras.experiments import comparison, job

RENAME, SYNC = "os:replace", "os:fsync"
TRAINING, EXPORT = "mtl_keras.training", "mtl_keras.export.publication"


@dataclass(frozen=True)
class Point:
    """Where a process kills itself: as it is about to call something.

    Args:
        name: what the point is called.
        call: `module:function`.
        pattern: of the arguments that the call has.
        time: which of these calls, counted from 1.
    """

    name: str
    call: str
    pattern: str = "*"
    time: int = 1

    def arm(self) -> None:
        """Has this process kill itself there."""
        place, name = self.call.split(":")
        module = importlib.import_module(place)
        original, calls = getattr(module, name), iter(range(1, sys.maxsize))

        def kill_or_call(*arguments, **options):
            is_it = fnmatch(" ".join(map(str, arguments)), self.pattern)
            if is_it and next(calls) == self.time:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        setattr(module, name, kill_or_call)


def before(file: str, time: int = 1) -> Point:
    """Before a file or folder is renamed into its place."""
    return Point(f"before {file} has its name ({time})", RENAME, f"*/{file}", time)


OF_TRAINING = (
    Point("a run begins", f"{TRAINING}.train_recipe:begin"),
    before("start.json"),
    before("recipe.yaml"),
    Point("features are computed", f"{TRAINING}.features.cache:encoding"),
    before("0*.safetensors"),
    Point("a checkpoint goes to the disk", SYNC, time=3),
    before("mean.safetensors"),
    before("topic.safetensors"),
    before("history.csv"),
    Point("a stage ends", f"{TRAINING}.trainer:prove"),
    Point("the data are compared", f"{TRAINING}.train_recipe:check_data"),
    Point("a stage begins", f"{TRAINING}.stage_start:set_up"),
    before("0*.safetensors", 5),
    before("history.csv", 2),
    before("history.json"),
    Point("the final evaluation: validation", f"{TRAINING}.begun_run:evaluate_and_review"),
    Point("the final evaluation: test", f"{TRAINING}.begun_run:evaluate_and_review", time=2),
    before("metrics.json"),
    before("model.keras"),
    before("run.json"),
    Point("checkpoints go", f"{TRAINING}.train_recipe:end"),
)
OF_EXPORT = (
    Point("a SavedModel is written", f"{EXPORT}:export_saved_model"),
    Point("it is compared with the model", f"{EXPORT}:verify"),
    Point("it goes to the disk", SYNC, time=3),
    before("1"),
)
OF_COMPARISON = (
    before("comparison.json"),
    before("0*.safetensors", 2),
    before("topic.json"),
    before("report.json"),
    before("report.html"),
)
TIMES = ("step_seconds", "wall_seconds", "peak_memory_bytes")
ONE_TASK = """\
encoder: {encoder}
max_length: 32
tasks:
  topic:
    files: {{train: train.csv, validation: validation.csv}}
    columns: {{text: text, label: topic}}
training: {{checkpoint_minutes: 0.002, plan: full, epochs: 2}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("works", nargs="*", help="train, export (after train), compare")
    options = parser.parse_args()
    folder = options.folder
    recipe, one_task = prepare(folder), folder / "one_task.yaml"
    one_task.write_text(ONE_TASK.format(encoder=ENCODER.resolve()))
    PROCESSES.set_forkserver_preload(
        ["mtl_keras.training.train_recipe", EXPORT, "mtl_keras.experiments.job"]
    )
    train = Work(["train", str(recipe), "--quiet", "--resume", "--output"], OF_TRAINING, results)
    export = Work(["export", str(folder / "train")], OF_EXPORT, exported)
    compare = Work(
        ["compare", str(one_task), "--plans", "full", "--seeds", "1", "--output"],
        OF_COMPARISON,
        compared,
    )
    works = {"train": train, "export": export, "compare": compare}
    chosen = {name: works[name] for name in options.works or works}
    result = {name: work.killed(folder / name) for name, work in chosen.items()}
    (folder / "named_kills.json").write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(not all(one["equal"] for one in result.values()))


@dataclass(frozen=True)
class Work:
    """A command that is killed, again and again.

    Args:
        arguments: of the command; its folder comes last.
        points: where it is killed, one after the other.
        outcome: of a folder, what must be the same.
    """

    arguments: Sequence[str]
    points: Sequence[Point]
    outcome: Callable[[Path], Any]

    def killed(self, folder: Path) -> dict:
        """Kills it at each point, and lets it end; says whether it ended as one never killed."""
        never = folder.with_name(f"{folder.name}-never")
        assert self.run(never) == 0
        for point in self.points:
            status = self.run(folder, point)
            assert status == -signal.SIGKILL, f"{point.name}: ended with {status}"
            check_whole(folder)
            print(f"killed: {point.name}", flush=True)
        assert self.run(folder) == 0
        equal = self.outcome(folder) == self.outcome(never)
        left = [str(path) for path in folder.rglob(".partial-*")]
        record = {"kills": len(self.points), "equal": equal, "left": left}
        print(json.dumps({folder.name: record}), flush=True)
        return record

    def run(self, folder: Path, point: Point | None = None) -> int:
        """Runs it in a new process; its status."""
        log = folder.with_suffix(".log")
        process = PROCESSES.Process(
            target=run_command, args=([*self.arguments, str(folder)], point, log)
        )
        process.start()
        process.join()
        if process.exitcode not in (0, -signal.SIGKILL):
            sys.exit(log.read_text())
        return process.exitcode


def run_command(arguments: Sequence[str], point: Point | None, log: Path) -> None:
    """The command, in a process of its own that kills itself at the point."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # The runs of a comparison in this process too, so that the kill comes inside them.
    comparison.call_job = lambda *of_job: job.main(of_job)
    if point:
        point.arm()
    sys.exit(main_of_cli(arguments))


def check_whole(folder: Path) -> None:
    """Opens every file that is in its place."""
    for path in folder.rglob("*"):
        if any(part.startswith(".partial-") for part in path.parts):
            continue
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".safetensors":
            safe_open(path, "numpy").__enter__()
        elif path.suffix == ".keras":
            assert zipfile.ZipFile(path).testzip() is None
        elif path.name.isdecimal():
            assert (path / "README.md").is_file(), f"{path}: not whole"


def exported(folder: Path) -> list[tuple[str, bytes]]:
    """The versions of an export, and every bit of their weights."""
    files = sorted(folder.rglob("variables.data*"))
    return [(str(file.relative_to(folder)), file.read_bytes()) for file in files]


def compared(folder: Path) -> Any:
    """A report without what a clock says."""
    report = json.loads((folder / "report.json").read_bytes())
    for plan in report["plans"].values():
        for name in TIMES:
            del plan[name]
    return report


if __name__ == "__main__":
    main()
