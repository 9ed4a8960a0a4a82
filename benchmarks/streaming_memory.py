"""Does memory grow with the data? Peak RSS of start-up and streaming, from 200 files.

    python benchmarks/streaming_memory.py [--rows 50000 10000000] [--files 200]

For each number of rows it writes tab-separated files into a temporary folder and then, each in a
process of its own, TensorFlow included:

- the first start: every row is checked and counted;
- the second start, which knows that from the first;
- a start that needs no counts (labels and validation files given, epochs of steps);
- that start, and 1,000 batches of 32 as a training reads them: shuffled and tokenized;
- that start, and one pass over all rows, in chunks of 2,048, shuffled and tokenized.

It prints one JSON line a process; last what the larger number needs beyond the smaller, in MB of
10**6 bytes, the most of any process, and a table. Seconds depend on how busy the machine is.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SENTENCE = "order never came new invoice shows price nobody told about late box tea"
VOCABULARY = SENTENCE.split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORKS = ("first start", "second start", "start without counts", "1,000 batches", "one pass")
BATCHES, BATCH_SIZE, VALIDATION_ROWS = 1000, 32, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs=2, default=[50_000, 10_000_000])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--works", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--folder", help="for the temporary folder")
    parser.add_argument("--measure", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("data", nargs="?", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.data)))
        return
    results = [
        measure_all(rows, options.files, options.works, options.folder) for rows in options.rows
    ]
    small, large = (max(process["peak_rss_mb"] for process in result) for result in results)
    print(table(options.rows, results))
    print(json.dumps({"difference_mb": round(large - small, 1)}))


def measure_all(rows: int, files: int, works: list[str], folder: str | None) -> list[dict]:
    """What each work takes with this many rows."""
    results = []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        data = Path(place, "data")
        data.mkdir()
        write(data, rows, files)
        time.sleep(2.5)  # files that have just been written are not remembered
        environment = os.environ | {"XDG_CACHE_HOME": place, "TF_CPP_MIN_LOG_LEVEL": "3"}
        for work in works:
            command = [sys.executable, __file__, "--measure", work, str(data)]
            line = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=environment
            ).stdout
            results.append({"rows": rows, **json.loads(line)})
            print(json.dumps(results[-1]), flush=True)
    return results


def write(folder: Path, rows: int, files: int) -> None:
    """Distinct texts of about 40 bytes in three classes, which come sorted within each file."""
    generator = random.Random(0)
    lines = [" ".join(generator.choices(VOCABULARY, k=generator.randint(3, 8))) for _ in range(997)]
    for file, name in enumerate([*(f"train-{n:03}.tsv" for n in range(files)), "validation.tsv"]):
        count = VALIDATION_ROWS if name == "validation.tsv" else len(range(file, rows, files))
        with (folder / name).open("w", encoding="utf-8") as stream:
            stream.write("text\tlabel\n")
            for row in range(count):
                label = "abc"[3 * row // count]
                stream.write(f"{file} {row} {lines[row % len(lines)]}\t{label}\n")


def measure(work: str, folder: Path) -> dict[str, object]:
    """Seconds and peak RSS of one work."""
    import tensorflow as tf

    from mtl_keras.data.batching import batches
    from mtl_keras.data.task import Task
    from mtl_keras.data.task_dataset import TaskDataset
    from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

    tf.constant(0)
    tokenizer = WordpieceTokenizer(
        [*SPECIAL, *VOCABULARY, *"0123456789", *(f"##{n}" for n in range(10))],
        lowercase=True,
        max_length=64,
    )
    files = {"train": str(folder / "train-*.tsv"), "validation": str(folder / "validation.tsv")}
    unread = () if work in WORKS[:2] else ("train",)
    before, started = peak_rss(), time.perf_counter()
    dataset = TaskDataset(Task("topic", labels=["a", "b", "c"], files=files), unread=unread)
    begun, streamed = time.perf_counter(), 0
    if work == "1,000 batches":
        settings = {"batch_size": BATCH_SIZE, "seed": 0, "endless": True}
        for _, labels, _ in batches(dataset, "train", tokenizer, **settings).take(BATCHES):
            streamed += len(labels)
    elif work == "one pass":
        for chunk in dataset.stream("train", 2048, seed=0):
            streamed += len(tokenizer(chunk["text"]).token_ids.row_splits) - 1
    return {
        "work": work,
        "counted": dataset.counts.get("train", 0),
        "streamed": streamed,
        "start_seconds": round(begun - started, 2),
        "stream_seconds": round(time.perf_counter() - begun, 1),
        "imported_rss_mb": round(before / 1e6, 1),
        "peak_rss_mb": round(peak_rss() / 1e6, 1),
    }


def table(rows: list[int], results: list[list[dict]]) -> str:
    """In Markdown: peak MB and seconds of each work with each number of rows."""
    lines = [
        f"| | {' | '.join(f'{number:,} rows, MB | s' for number in rows)} |",
        f"| --- |{' ---: | ---: |' * len(rows)}",
    ]
    for works in zip(*results, strict=True):
        cells = (
            f"{work['peak_rss_mb']:.0f} | {work['start_seconds'] + work['stream_seconds']:.1f}"
            for work in works
        )
        lines.append(f"| {works[0]['work']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def peak_rss() -> int:
    """Bytes of this process. Linux's `ru_maxrss` may be those of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
