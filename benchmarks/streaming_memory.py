"""Does memory grow with the file? Peak RSS of checking and streaming a CSV file, at two sizes.

    python benchmarks/streaming_memory.py [--rows 50000 5000000]

Each size is its own process, TensorFlow included: `TaskDataset` checks the file, then every row is
streamed once, shuffled. It prints one JSON line a size, and last what the larger needs beyond the
smaller, in MB of 10**6 bytes.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SENTENCE = "the order never came and my new invoice shows a price that nobody told me about"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs=2, default=[50_000, 5_000_000])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    peaks = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "rows.csv")
            write(file, rows)
            command = [sys.executable, __file__, "--measure", str(file)]
            line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        print(line, end="", flush=True)
        peaks.append(json.loads(line)["peak_rss_mb"])
    print(json.dumps({"difference_mb": round(peaks[1] - peaks[0], 1)}))


def write(file: Path, rows: int) -> None:
    """Distinct texts of 5 to 25 words in three classes."""
    generator = random.Random(0)
    vocabulary = SENTENCE.split()
    with file.open("w", encoding="utf-8") as stream:
        stream.write("text,label\n")
        for row in range(rows):
            words = generator.choices(vocabulary, k=generator.randint(5, 25))
            stream.write(f'"{row} {" ".join(words)}",{"abc"[row % 3]}\n')


def measure(file: Path) -> dict[str, float]:
    """Seconds and peak RSS of one check and one shuffled pass."""
    import tensorflow as tf

    from mtl_keras.datasets import TaskDataset
    from mtl_keras.tasks import Task

    tf.constant(0)
    start = time.perf_counter()
    dataset = TaskDataset(Task("topic", files={"train": [str(file)]}))
    checked = time.perf_counter()
    streamed = sum(len(chunk["label"]) for chunk in dataset.stream("train", 2048, seed=0))
    end = time.perf_counter()
    if streamed != dataset.counts["train"]:
        raise RuntimeError(f"{streamed} rows streamed, {dataset.counts['train']} counted")
    return {
        "rows": sum(dataset.counts.values()),
        "check_seconds": round(checked - start, 1),
        "stream_seconds": round(end - checked, 1),
        "peak_rss_mb": round(_peak_rss() / 1e6, 1),
    }


def _peak_rss() -> int:
    """Bytes. Linux counts in kB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
