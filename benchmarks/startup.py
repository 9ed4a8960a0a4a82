"""From a cold start to one text's answer, beside importing TensorFlow and reading the weights.

    python benchmarks/startup.py RUN [--rounds 5]

Starts `mtl-keras predict RUN "…"`, and in turn a process that imports TensorFlow and reads the
run's weights into arrays, after one round that warms the disk's cache; prints the seconds of both,
on the wall and of the processor, and the ratio of their medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from mtl_keras.errors import InputError
from mtl_keras.runs.run import Run

TEXT = "I was charged twice for order A-48213, please refund one of them."
FLOOR = """
import io, sys, zipfile
import h5py, tensorflow
with zipfile.ZipFile(sys.argv[1]) as archive:
    with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        names = []
        file.visit(names.append)
        arrays = [file[name][()] for name in names if isinstance(file[name], h5py.Dataset)]
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    try:
        Run.open(options.run)
    except InputError as error:
        parser.error(str(error))
    command = str(Path(sys.executable).with_name("mtl-keras"))
    sides = {
        "floor": [sys.executable, "-c", FLOOR, str(options.run / "model.keras")],
        "predict": [command, "predict", str(options.run), TEXT],
    }
    seconds = [[_seconds(side) for side in sides.values()] for _ in range(options.rounds + 1)][1:]
    for clock, name in enumerate(("wall", "processor")):
        floor, predict = ([pair[side][clock] for pair in seconds] for side in range(len(sides)))
        ratio = statistics.median(predict) / statistics.median(floor)
        result = {"clock": name, "floor": floor, "predict": predict, "ratio": round(ratio, 2)}
        print(json.dumps(result, default=float))


def _seconds(command: list[str]) -> tuple[float, float]:
    """Of a process: on the wall and of the processor."""
    started, before = time.perf_counter(), os.times()
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return round(time.perf_counter() - started, 2), round(used, 2)


if __name__ == "__main__":
    main()
