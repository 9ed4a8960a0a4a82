"""How long `mtl.check` takes on a CSV file, and how much memory.

    python benchmarks/checking.py [--rows 100000 1000000]

For each number of rows it writes a training file and a test file of a tenth of its size into a
temporary folder: texts of about 60 characters in three classes, one row in a thousand faulty, one
test text in ten also a training text. Each check runs in a process of its own, and prints a line of
JSON: CPU seconds (user and system), the peak of resident memory, faults and findings. Texts that
are too long are not looked for, as that needs an encoder; `data/cuts.py` tokenizes at most 200,000
texts of a split.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import mtl_keras as mtl

WORDS = [*"abcdefgh", "order", "never", "invoice", "price", "nobody", "refund"]
LABELS = ("delivery", "billing", "other")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", help="for the temporary folder")
    parser.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        print(json.dumps(_checked(options.check)))
        return
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as place:
            _write(Path(place), rows)
            command = [sys.executable, __file__, "--check", place]
            line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            print(json.dumps({"rows": rows} | json.loads(line)), flush=True)


def _write(folder: Path, rows: int) -> None:
    generator = random.Random(0)
    with (folder / "train.csv").open("w") as train, (folder / "test.csv").open("w") as test:
        for file in (train, test):
            file.write("text,label\n")
        for row in range(rows):
            text = f"{' '.join(generator.choices(WORDS, k=10))} {row}"
            label = "" if row % 1000 == 7 else LABELS[row % 3]
            train.write(f"{text},{label}\n")
            if not row % 10:
                test.write(f"{text if not row % 100 else text + 'x'},{label}\n")


def _checked(folder: Path) -> dict[str, float]:
    before = os.times()
    files = {"train": str(folder / "train.csv"), "test": str(folder / "test.csv")}
    result = mtl.check(mtl.Task("topic", files=files))
    after = os.times()
    return {
        "cpu_seconds": round(after.user + after.system - before.user - before.system, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
        "faults": sum(fault.count for fault in result.faults),
        "findings": len(result.findings),
    }


if __name__ == "__main__":
    main()
