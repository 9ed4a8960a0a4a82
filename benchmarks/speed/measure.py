"""A side's process: runs one job and prints one line of JSON. Standard library only.

`{"seconds": …, "peak_rss_bytes": …, "settings": {…}}`, and for training `accuracy` by task on the
validation texts. The clock runs from the texts' files to the trained model on the disk, or from
strings to answers as Python values; imports are done before. Inference is warmed up beforehand.
"""

import contextlib
import functools
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import work
from work import Job

LONE_TEXTS = 300  # of which each is answered alone
PASSES = 5  # over the texts that are tokenized
WARM_UP = 4  # batches, or ten times as many lone texts

Found = TypeVar("Found")
Answer = Callable[[Sequence[str]], Sequence]


def main(
    kinds: Mapping[str, Callable[..., Any]], settings: Callable[[Job], Mapping[str, object]]
) -> None:
    """Runs the job in the command's one argument.

    Args:
        kinds: what this side can do. `train` gives the accuracy by task; `answer` loads what
            answers a list of texts; `tokenize` makes what counts the texts of the batches that it
            makes of a list of texts; of another kind what comes back is printed as `found`.
        settings: how this side was set up, for the record.
    """
    job = Job.from_json(sys.argv[1])
    with _library_output_to_stderr():
        result = _measured(kinds, job) | {
            "peak_rss_bytes": _peak_rss_bytes(),
            "settings": {**settings(job)},
        }
    print(json.dumps(result))


def read(job: Job, task: str, split: str) -> tuple[list[str], list[str]]:
    """The texts of a split, and their labels."""
    path = Path(job.data, f"{task}.{split}.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def labels(job: Job, task: str) -> list[str]:
    """The labels of a task, in order."""
    return json.loads(Path(job.data, "labels.json").read_text(encoding="utf-8"))[task]


def batches(items: Sequence, size: int = work.BATCH_SIZE) -> Iterator[Sequence]:
    """The items, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def versions(*packages: str) -> dict[str, str]:
    """Package → its version."""
    return {package: version(package) for package in packages}


def num_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that this percentage of all values does not exceed.

    Example:

    >>> percentile([4.0, 1.0, 3.0, 2.0], 50)
    2.0
    """
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def timed(run: Callable[[], Found]) -> tuple[float, Found]:
    """Seconds of a call, and what it gave."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def _measured(kinds: Mapping[str, Callable], job: Job) -> dict[str, object]:
    if job.kind == work.TRAIN:
        seconds, accuracy = timed(lambda: kinds[work.TRAIN](job))
        return {"seconds": seconds, "accuracy": accuracy}
    if job.kind == work.TOKENIZE:
        texts = _lines(job, "sentences.txt")
        return {"seconds": _tokenizing(kinds[work.TOKENIZE](job, texts), len(texts))}
    if job.kind in work.INFERENCE:
        answer, texts = kinds[work.ANSWER](job), _lines(job, "texts.txt")
        measured = _answering if job.kind == work.ANSWER else _answering_one
        return {"seconds": measured(answer, texts, job.percentile)}
    seconds, result = timed(lambda: kinds[job.kind](job))
    return {"seconds": seconds, "found": result}


def _answering(answer: Answer, texts: Sequence[str], _: int) -> float:
    """Seconds to answer all texts, 32 a call, in the order in which they come."""
    for batch in list(batches(texts))[:WARM_UP]:
        answer(batch)
    seconds, answers = timed(
        lambda: [one_answer for batch in batches(texts) for one_answer in answer(batch)]
    )
    _check(len(answers), len(texts))
    return seconds


def _answering_one(answer: Answer, texts: Sequence[str], percent: int) -> float:
    """The percentile of the seconds that a text takes alone."""
    for text in texts[: 10 * WARM_UP]:
        answer([text])
    seconds = [timed(functools.partial(answer, [text]))[0] for text in texts[:LONE_TEXTS]]
    return percentile(seconds, percent)


def _tokenizing(count: Callable[[], int], number: int) -> float:
    """The median of the seconds of a few passes over the texts; another one warms up."""
    _check(count(), number)
    return percentile([timed(count)[0] for _ in range(PASSES)], 50)


def _peak_rss_bytes() -> int:
    """The most memory that this process has had; `ru_maxrss` counts its parent's as well."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _check(count: int, expected: int) -> None:
    if count != expected:
        raise RuntimeError(f"{count} of {expected} texts came back")


def _lines(job: Job, name: str) -> list[str]:
    return Path(job.data, name).read_text(encoding="utf-8").removesuffix("\n").split("\n")


@contextlib.contextmanager
def _library_output_to_stderr() -> Iterator[None]:
    """Libraries print; the standard output is for the one line alone."""
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(own, 1)
        os.close(own)
