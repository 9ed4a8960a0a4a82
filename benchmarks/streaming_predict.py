"""`mtl-keras predict` over a CSV file, beside the signature in one process: texts a second.

    python benchmarks/streaming_predict.py RUN EXPORT [--rows 20000]

The file repeats the bundled tickets' training texts. The signature gets them 32 at a time; the
command reads the file, answers, and writes a CSV, its start included. Prints both ratios, and the
most memory of each command, also over a tenth of the rows: it must not grow with them.
"""

import argparse
import csv
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401  (the tokenizer's operations)

import mtl_keras
from mtl_keras.export.saved_model.served_answers import SERVING

TICKETS = Path(mtl_keras.__file__).parent / "samples" / "tickets" / "train.csv"
BATCH = 32


def main() -> None:
    """Times the signature, then the command on the run and on the export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("export", type=Path, help="the folder of a version")
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    with TICKETS.open(newline="", encoding="utf-8") as file:
        tickets = [row["text"] for row in csv.DictReader(file)]
    texts = list(itertools.islice(itertools.cycle(tickets), options.rows))
    in_process = _signature_seconds(options.export, texts)
    print(f"signature: {len(texts) / in_process:.0f} texts a second")
    for place in (options.run, options.export):
        _, of_few = _command_cost(place, texts[: len(texts) // 10])
        seconds, of_all = _command_cost(place, texts)
        ratio = in_process / seconds
        print(f"predict {place}: {len(texts) / seconds:.0f} texts a second, {ratio:.2f} times that")
        print(f"at most {of_all:,.0f} MB; over a tenth of the rows {of_few:,.0f} MB")


def _signature_seconds(export: Path, texts: list[str]) -> float:
    loaded = tf.saved_model.load(str(export))
    signature = loaded.signatures[SERVING]
    signature(text=tf.constant(texts[:BATCH]))
    started = time.perf_counter()
    for first in range(0, len(texts), BATCH):
        signature(text=tf.constant(texts[first : first + BATCH]))
    return time.perf_counter() - started


def _command_cost(place: Path, texts: list[str]) -> tuple[float, float]:
    """Seconds, and the most memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.csv"), Path(folder, "answered.csv")
        with asked.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text",), *((text,) for text in texts)])
        command = [sys.executable, "-m", "mtl_keras", "predict", str(place)]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--input", str(asked), "--output", str(answered)], stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"predict failed on {place}")
        return time.perf_counter() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
