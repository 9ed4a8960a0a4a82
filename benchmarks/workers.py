"""Workers on one machine beside one: how fast, how equal, and what a killed one costs.

    python benchmarks/workers.py scaling
    python benchmarks/workers.py kills build/worker_kills [--kills 8]

`scaling` trains a BERT of 10 blocks of width 128 (random weights, no dropout) on 1, 2 and 4
workers with 16 texts of 32 word pieces each (weak scaling), and on 1, 2 and 4 that share 32 (the
same curve). `kills` trains the runs of kills.py with two workers, kills one of them at random
moments with SIGKILL, resumes the runs, and compares what they end with, bit for bit.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from kills import prepare, results

from mtl_keras.distribution.clusters import Cluster
from mtl_keras.distribution.launching import free_ports

STEPS, LENGTH = 24, 32
WARM = 4  # steps that are not timed
LONGEST = 1200  # seconds of a run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, dest="work")
    commands.add_parser("scaling")
    command = commands.add_parser("worker")
    command.add_argument("batch_size", type=int)
    command = commands.add_parser("kills")
    command.add_argument("folder", type=Path)
    command.add_argument("--kills", type=int, default=8)
    options = parser.parse_args()
    if options.work == "worker":
        print(json.dumps(train(options.batch_size)))
    elif options.work == "scaling":
        scaling()
    else:
        kills(options.folder, options.kills)


def scaling() -> None:
    weak = {count: together(count, 16 * count) for count in (1, 2, 4)}
    base = weak[1][0]["seconds"]
    print("workers  seconds a step  texts/s against one worker")
    for count, (first, *_) in weak.items():
        print(
            f"{count:7}  {first['seconds']:14.3f}  {count * base / first['seconds']:.2f}",
            flush=True,
        )
    curves = {count: together(count, 32) for count in (1, 2, 4)}
    expected = curves[1][0]["losses"]
    for count, runs in curves.items():
        assert len({one_run["weights"] for one_run in runs}) == 1, (
            "workers ended with other weights"
        )
        losses = runs[0]["losses"]
        far = max(abs(a - b) / abs(b) for a, b in zip(losses, expected, strict=True))
        print(f"{count} workers share a batch: largest relative difference of the loss {far:.1e}")


def together(count: int, batch_size: int) -> list[dict]:
    """What each of some workers says that train together, on a thread each."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    started = []
    for index in range(count):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}
        if count > 1:
            environment["TF_CONFIG"] = Cluster(addresses, index).to_environment()
        command = [sys.executable, __file__, "worker", str(batch_size)]
        started.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        )
    record = [process.communicate(timeout=LONGEST)[0] for process in started]
    return [json.loads(output.splitlines()[-1]) for output in record]


def train(batch_size: int) -> dict:
    """Seconds a step, the loss of each, and a digest of the weights."""
    import hashlib

    import keras
    import numpy as np
    import tensorflow as tf

    import mtl_keras as mtl
    from mtl_keras.distribution.strategies import strategy_of
    from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    from mtl_keras.encoders.transformer.config import EncoderConfig
    from mtl_keras.models.fused_adamw import FusedAdamW
    from mtl_keras.models.optimizers import LayerwiseOptimizer

    strategy = strategy_of()
    keras.utils.set_random_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{number}" for number in range(8000))]
    config = EncoderConfig(
        vocabulary_size=len(words),
        hidden_dim=128,
        num_layers=10,
        num_heads=2,
        intermediate_dim=512,
        dropout=0.0,
    )
    tasks = [mtl.Task("topic", labels=[*"abcd"]), mtl.Task("tone", labels=["x", "y"])]
    with strategy.scope():
        encoder = mtl.TextEncoder(WordpieceTokenizer(words, lowercase=True), config)
        model = mtl.MultiTaskModel(encoder, tasks, head_dropout=0.0)
        # A usual epsilon would make steps of what is rounding, where a gradient is 0 but for that.
        model.compile(LayerwiseOptimizer(FusedAdamW(learning_rate=1e-2, epsilon=1e-2)))

    generator = np.random.default_rng(0)
    ids = generator.integers(4, len(words), (STEPS, batch_size, LENGTH)).astype(np.int32)
    labels = ids[:, :, 0] % 4, ids[:, :, 0] % 2
    every, none = np.ones((STEPS, batch_size), np.float32), np.arange(STEPS)[:, None] % 2
    x = {"token_ids": ids, "padding_mask": np.ones(ids.shape, bool)}
    y = dict(zip(("topic", "tone"), labels, strict=True))
    weights = {
        "topic": (every * none).astype(np.float32),
        "tone": (every - every * none).astype(np.float32),
    }
    batches = tf.data.Dataset.from_tensor_slices((x, y, weights))

    class Watch(keras.callbacks.Callback):
        ends: list[float] = []
        means: list[float] = []

        def on_train_batch_end(self, batch, logs=None):
            self.ends.append(time.perf_counter())
            self.means.append(float(logs["loss"]))

    watch = Watch()
    model.fit(batches, verbose=0, callbacks=[watch])
    seconds = float(np.median(np.diff(watch.ends[WARM:])))
    digest = hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in model.weights))
    return {"seconds": seconds, "losses": watch.means, "weights": digest.hexdigest()}


def kills(folder: Path, wanted: int) -> None:
    recipe = prepare(folder)
    started = time.perf_counter()
    run(recipe, folder / "never", None)
    seconds = time.perf_counter() - started
    expected = results(folder / "never")
    generator, done, runs, equal, slowest = random.Random(0), 0, 0, 0, 0.0
    while done < wanted:
        runs, place = runs + 1, folder / f"run-{runs}"
        while True:
            after = generator.uniform(0.2, 1.0) * seconds if done < wanted else None
            ended_after = run(recipe, place, after, generator.randrange(2))
            if ended_after is None:
                break
            done += 1
            slowest = max(slowest, ended_after)
        equal += results(place) == expected
        shutil.rmtree(place)
        record = {"kills": done, "runs": runs, "equal": equal, "slowest_end_s": round(slowest, 1)}
        print(json.dumps(record), flush=True)
    (folder / "worker_kills.json").write_text(json.dumps(record, indent=2) + "\n")
    sys.exit(equal != runs)


def run(recipe: Path, place: Path, after: float | None, victim: int = 0) -> float | None:
    """Trains or resumes, and kills a worker after some seconds.

    Returns:
        Seconds from the kill to the end of all; None where the run ended first.
    """
    command = [
        "train",
        str(recipe),
        "--output",
        str(place),
        "--quiet",
        "--resume",
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "mtl_keras.cli.main", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    killed = None
    try:
        _, errors = process.communicate(timeout=after or LONGEST)
    except subprocess.TimeoutExpired:
        completed = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
        )
        os.kill(sorted(map(int, completed.stdout.split()))[victim], signal.SIGKILL)
        killed = time.perf_counter()
        _, errors = process.communicate(timeout=LONGEST)
    if process.returncode and (killed is None or "was killed" not in errors):
        sys.exit(errors)
    return time.perf_counter() - killed if process.returncode else None


if __name__ == "__main__":
    main()
