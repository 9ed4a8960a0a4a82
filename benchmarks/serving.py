"""What an export costs to load and to ask, alone and by 64 clients at once.

    python benchmarks/serving.py [--seconds 60] [--clients 64] [--json FILE]

An export of all-MiniLM-L6-v2 with five tasks (three classifications, a tagging, a multilabel; the
heads are untrained, which costs as much) beside one with one task:

* seconds from `import tensorflow` done to the first answer, in a new process;
* the latency of five tasks over that of one, in turn, for one text and for 32;
* many clients at once, on the signature in this process, and on the page's server
  (`mtl-keras demo`), for the given seconds: answers, errors, percentiles, and how memory grows
  after a sixth of the time. Each sends one text, waits for its answer, and sends the next.
"""

import argparse
import contextlib
import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

TEXTS = [
    "My parcel came a day late, but the service was friendly.",
    "I was charged twice for order A-48213, please refund one of them.",
    "The app logs me out every five minutes and nobody in Leeds answers me, what should I do now?",
    "Thanks!",
]
COLD = """\
import time, sys
import tensorflow as tf
start = time.perf_counter()
import tensorflow_text
ask = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
{name: each.numpy() for name, each in ask(text=tf.constant(["A first text."])).items()}
print(time.perf_counter() - start)
"""
ROUNDS = 40  # of each side's calls


def main() -> None:
    """Measures, prints, and writes what was found where it is asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="that the clients ask")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--json", type=Path, help="a file for what was found")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        five, one = exports(Path(folder))
        result = {
            "cold_seconds": [cold(five) for _ in range(3)],
            "five_tasks_over_one": five_over_one(five, one),
            "signature": load(signature(five), options, memory_of("self")),
        }
        with demo(five) as (client, process):
            result["demo"] = load(client, options, memory_of(process.pid))
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def exports(folder: Path) -> tuple[Path, Path]:
    """Exports of five tasks and of one, over the same encoder."""
    import mtl_keras as mtl

    tasks = [
        mtl.Task("topic", labels=["World", "Sports", "Business", "Sci/Tech"]),
        mtl.Task("sentiment", labels=["negative", "neutral", "positive"]),
        mtl.Task("intent", labels=[f"intent {number}" for number in range(20)]),
        mtl.Task("flags", kind="multilabel", labels=["urgent", "legal", "refund"]),
        mtl.Task("entities", kind="tagging", labels=["person", "city", "product"]),
    ]
    encoder = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=128)
    results = []
    for chosen in (tasks, tasks[:1]):
        model = mtl.MultiTaskModel(encoder, chosen)
        results.append(mtl.export_saved_model(model, folder / f"{len(chosen)}-tasks"))
    return results[0], results[1]


def cold(export: Path) -> float:
    """Seconds from TensorFlow's import to the first answer, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", COLD, str(export)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def five_over_one(five: Path, one: Path) -> dict[str, float]:
    """Texts a call → the median of the ratios of calls in turn."""
    asks = [signature(batch) for batch in (five, one)]
    results = {}
    for size in (1, 32):
        texts = (TEXTS * size)[:size]
        for ask in asks:
            ask(texts)
        rounds = [[timed(ask, texts) for ask in asks] for _ in range(ROUNDS)]
        results[f"{size} texts"] = statistics.median(first / second for first, second in rounds)
    return results


def signature(export: Path) -> Callable[[list[str]], None]:
    """Asks `serving_default` in this process."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  the tokenizer's operations

    loaded = tf.saved_model.load(str(export))
    ask = loaded.signatures["serving_default"]

    def answer(texts: list[str], loaded=loaded) -> None:
        for tensor in ask(text=tf.constant(texts)).values():
            tensor.numpy()

    answer(TEXTS[:1])  # as warm-up records do: clients that all come first wait for each other
    return answer


@contextlib.contextmanager
def demo(export: Path) -> Iterator[tuple[Callable, subprocess.Popen]]:
    """The page's server, and what asks it: each thread over a connection of its own."""
    command = [sys.executable, "-m", "mtl_keras.cli.main", "demo", str(export), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(re.search(r":(\d+)/", process.stdout.readline())[1])  # type: ignore[index]
        local = threading.local()

        def ask(texts: list[str]) -> None:
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            body, headers = json.dumps({"text": texts[0]}), {"Content-Type": "application/json"}
            local.connection.request("POST", "/answers", body, headers)
            response = local.connection.getresponse()
            answer = json.loads(response.read())
            if response.status != 200 or answer["answer"]["text"] != texts[0]:
                raise RuntimeError(f"{response.status}: {answer}")

        try:
            yield ask, process
        finally:
            process.terminate()


def load(ask: Callable, options: argparse.Namespace, memory: Callable[[], float]) -> dict:
    """Has all clients ask for this long."""
    until = time.perf_counter() + options.seconds
    warm = threading.Timer(options.seconds / 6, lambda: grown.append(memory()))
    grown: list[float] = []
    seconds: list[float] = []
    errors: list[str] = []

    def client(number: int) -> None:
        text = number
        while time.perf_counter() < until:
            try:
                seconds.append(timed(ask, [TEXTS[text % len(TEXTS)]]))
            except Exception as error:
                errors.append(repr(error))
            text += 1

    threads = [threading.Thread(target=client, args=[n]) for n in range(options.clients)]
    for thread in (warm, *threads):
        thread.start()
    for thread in (warm, *threads):
        thread.join()
    grown.append(memory())
    p50, p99 = np.percentile(seconds, [50, 99])
    return {
        "clients": options.clients,
        "seconds": options.seconds,
        "answers": len(seconds),
        "errors": len(errors),
        "first_errors": errors[:3],
        "answers_a_second": len(seconds) / options.seconds,
        "p50_ms": 1000 * p50,
        "p99_ms": 1000 * p99,
        "rss_mb": [value / 1e6 for value in grown],
        "memory_growth": grown[-1] / grown[0] - 1,
    }


def memory_of(process: int | str) -> Callable[[], float]:
    """Reads a process's resident bytes."""
    status = Path(f"/proc/{process}/status")

    def resident() -> float:
        lines = status.read_text().splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    return resident


def timed(ask: Callable, texts: list[str]) -> float:
    start = time.perf_counter()
    ask(texts)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
