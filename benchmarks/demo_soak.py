"""Does the demo's memory level off? Its resident memory, minute by minute, under load.

    python benchmarks/demo_soak.py [--minutes 30] [--clients 64] [--tiny]

Serves an export (of all-MiniLM-L6-v2 with five tasks; `--tiny`: of random weights, two blocks,
width 8) by `mtl-keras demo`, and has clients ask without a pause: texts of 1 to 200 words, some
over a connection of their own, some with a body that is refused, and some that hang up half-way.
It prints a line a minute, and last the ratio of the resident memory at the end to that after the
warm-up, a sixth of the time. It exits with status 1 if that is over 1.05, or if anything failed
that should not.
"""

import argparse
import http.client
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from serving import exports, memory_of

SENTENCE = "order never came new invoice shows price nobody told about late box tea Leeds"
WORDS = SENTENCE.split()
HIGHEST_RATIO = 1.05
HEADERS = {"Content-Type": "application/json"}


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--tiny", action="store_true", help="a tiny model of random weights")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        export = tiny_export(Path(folder)) if options.tiny else exports(Path(folder))[0]
        command = [sys.executable, "-m", "mtl_keras.cli.main", "demo", str(export), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                return soak(process, options)
            finally:
                process.terminate()


def soak(process: subprocess.Popen, options: argparse.Namespace) -> int:
    """Loads the server for this long, and prints its memory."""
    assert process.stdout
    port = int(re.search(r":(\d+)/", process.stdout.readline())[1])  # type: ignore[index]
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + 60 * options.minutes
    threads = [
        threading.Thread(target=client, args=(port, number, until, outcomes))
        for number in range(options.clients)
    ]
    for thread in threads:
        thread.start()
    warm, last = watch(memory_of(process.pid), until, 10 * options.minutes, outcomes)
    for thread in threads:
        thread.join()
    print(json.dumps(dict(outcomes)))
    print(f"after warm-up {warm / 1e6:,.1f} MB, last {last / 1e6:,.1f} MB: {last / warm:.3f}")
    faults = [name for name in outcomes if name.startswith("fault")]
    return 1 if faults or last / warm > HIGHEST_RATIO else 0


def watch(resident, until: float, warm_up: float, outcomes: Counter) -> tuple[float, float]:
    """Prints a line a minute; returns the bytes after the warm-up and at the end."""
    started, warm = time.monotonic(), 0.0
    following = started
    while True:
        elapsed = time.monotonic() - started
        warm = warm or (resident() if elapsed >= warm_up else 0.0)
        if time.monotonic() >= following:
            print(f"{elapsed / 60:5.1f} min {resident() / 1e6:8.1f} MB {outcomes['answered']:,}")
            following += 60
        if time.monotonic() >= until:
            return warm, resident()
        time.sleep(min(1.0, max(0.0, until - time.monotonic())))


def client(port: int, number: int, until: float, outcomes: Counter) -> None:
    """Asks without a pause; counts what became of it."""
    chance = random.Random(number)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < until:
        try:
            outcomes[ask(connection, chance)] += 1
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcomes[f"fault: {error!r}"[:80]] += 1
            connection.close()
    connection.close()


def ask(connection: http.client.HTTPConnection, chance: random.Random) -> str:
    """One question of some kind; returns what became of it."""
    kind = chance.random()
    if kind < 0.05:
        connection.close()  # the next question opens one
    text = " ".join(chance.choices(WORDS, k=chance.randint(1, 200)))
    body = json.dumps({"text": text})
    if kind > 0.98:
        connection.putrequest("POST", "/answers")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body) + 1))
        connection.endheaders(body.encode())
        connection.close()
        return "hung up"
    refused = kind > 0.95
    connection.request("POST", "/answers", body[:-1] if refused else body, HEADERS)
    response = connection.getresponse()
    answer = json.loads(response.read())
    if refused and response.status == 400:
        return "refused"
    if response.status == 200 and answer["answer"]["text"] == text:
        return "answered"
    return f"fault: {response.status}"


def tiny_export(folder: Path) -> Path:
    """An export of a tiny BERT of random weights, that knows a few words."""
    import mtl_keras as mtl
    from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    from mtl_keras.encoders.transformer.config import EncoderConfig

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(word.lower() for word in WORDS)]
    config = EncoderConfig(
        vocabulary_size=len(vocabulary),
        hidden_dim=8,
        num_layers=2,
        num_heads=2,
        intermediate_dim=16,
        max_position=64,
    )
    tokenizer = WordpieceTokenizer(vocabulary, lowercase=True, max_length=64)
    tasks = [
        mtl.Task("topic", labels=["World", "Sports"]),
        mtl.Task("entities", kind="tagging", labels=["person", "city"]),
    ]
    model = mtl.MultiTaskModel(mtl.TextEncoder(tokenizer, config), tasks)
    return Path(mtl.export_saved_model(model, folder / "tiny"))


if __name__ == "__main__":
    sys.exit(main())
