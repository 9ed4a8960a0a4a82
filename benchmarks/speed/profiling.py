"""Where the time of a training goes: by part of the run, and by operation of a step.

    python benchmarks/speed/profiling.py ["full fine-tuning, 1 epoch" …] [--encoder MiniLM-L6]

Trains as `run.py` has our side train, on the same files, and prints the seconds of the run's parts;
then again on one core, where the seconds of operations add up to those of the step, with
TensorFlow's profiler over some steps of the first stage.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import inputs
import work
from run import ENVIRONMENT, NUM_TEXTS, ROOT, minilm_folder
from tabulate import tabulate
from work import Job

FIRST, STEPS = 10, 20  # of the steps that are profiled
MOST = 16  # operations in the table
PARTS, OPERATIONS = "parts", "operations"  # what a process is asked for


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", default=[work.FULL])
    parser.add_argument("--encoder", default=work.ENCODERS[0].name)
    parser.add_argument("--texts", type=int, default=NUM_TEXTS, help="of each task")
    options = parser.parse_args()
    (encoder,) = work.named(work.ENCODERS, [options.encoder])
    folder = ROOT / "build" / "bench" / f"inputs-{options.texts}"
    inputs.prepare(ROOT.parent / "shared", minilm_folder(), folder, options.texts)
    for one_work in work.named(work.works(encoder), options.works):
        job = Job(
            kind=work.TRAIN,
            data=str(folder / "data"),
            encoder=str(folder / encoder.folder),
            exports="",
            stages=one_work.stages,
        )
        print(f"\n{one_work.name}, {encoder.name}")
        for what, unit in ((PARTS, "seconds"), (OPERATIONS, "ms a step, one core")):
            print(f"\n{_table(what, unit, _said(job, what))}", flush=True)


def _said(job: Job, what: str) -> dict[str, float]:
    """What a process of its own measured."""
    command = [sys.executable, __file__, what, job.to_json()]
    done = subprocess.run(
        command, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _table(what: str, unit: str, costs: dict[str, float]) -> str:
    total = sum(costs.values())
    shown = dict(Counter(costs).most_common(MOST))
    shown |= {"others": total - sum(shown.values()), "all": total}
    rows = [[name, f"{cost:.1f}", f"{cost / total:.1%}"] for name, cost in shown.items()]
    return tabulate(
        rows,
        [what, unit, "share"],
        "github",
        colalign=("left", "right", "right"),
        disable_numparse=True,
    )


def _measured(job: Job, what: str) -> dict[str, float]:
    import measure
    import ours
    from profilers import EnoughError, Parts, Profile

    if what == OPERATIONS:
        profile = Profile(FIRST, STEPS)
        try:
            ours.train(job, [profile])
        except EnoughError:
            return profile.milliseconds
    parts = Parts()
    seconds, _ = measure.timed(lambda: ours.train(job, [parts]))
    stages = json.loads(Path(job.scratch, "run", "history.json").read_text())["stages"]
    return parts.of(stages, seconds)


if __name__ == "__main__":
    if sys.argv[1:2] in ([PARTS], [OPERATIONS]):
        if sys.argv[1] == OPERATIONS:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
        with tempfile.TemporaryDirectory() as scratch:
            job = dataclasses.replace(Job.from_json(sys.argv[2]), scratch=scratch)
            print(json.dumps(_measured(job, sys.argv[1])))
    else:
        main()
