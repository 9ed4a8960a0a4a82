"""Pairs of measurements, ours and a peer's in turn; what is finished is kept."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import results
import work
from work import Encoder, Job, Peer, Work

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "mtl_keras"
OURS = Peer(name="ours", script="ours.py", environment="", exports=True)


class SideError(Exception):
    """A side's process failed; the message says how."""


@dataclass(frozen=True)
class Cell:
    """One row of the table, and how many times it is measured."""

    encoder: Encoder
    work: Work
    peer: Peer
    repeats: int = 1

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.work.name}, {self.encoder.name}, {self.peer.name}"


@dataclass
class Bench:
    """One run of the benchmark.

    Args:
        cells: what is measured.
        folder: of inputs, exports and the finished pairs.
        num_texts: of each task.
        machine: where it runs.
        measure: runs a job of a side and gives what it printed; raises `SideError`.

    Attributes:
        failed: name of each cell that could not be measured → why.
    """

    cells: Sequence[Cell]
    folder: Path
    num_texts: int
    machine: str
    measure: Callable[[Peer, Job], dict[str, Any]]
    failed: dict[str, str] = field(default_factory=dict)
    _exported: set[tuple[str, str]] = field(default_factory=set)

    @property
    def inputs(self) -> Path:
        """The folder of what both sides read."""
        return self.folder / f"inputs-{self.num_texts}"

    def run(self, report: Callable[[str], None] = print) -> list[dict]:
        """Measures what is missing, and gives all pairs of the cells.

        A side that fails ends its cell, not the benchmark.
        """
        finished = {cell: len(self.finished(cell)) for cell in self.cells}
        turns = [(cell, turn) for cell in self.cells for turn in range(cell.repeats)]
        for number, (cell, turn) in enumerate(turns, 1):
            if turn < finished[cell] or cell.name in self.failed:
                continue
            try:
                record = self._measure_pair(cell)
            except SideError as error:
                self.failed[cell.name] = record = str(error)
            report(f"{number} of {len(turns)}: {cell.name}: {record}")
        return [pair for cell in self.cells for pair in self.finished(cell)[: cell.repeats]]

    def finished(self, cell: Cell) -> list[dict]:
        """The pairs of a cell that still count."""
        wanted = self._record(cell)
        return [
            pair
            for pair in results.read_pairs(self._pairs)
            if all(pair.get(key) == value for key, value in wanted.items())
        ]

    def job(self, encoder: Encoder, kind: str, **details) -> Job:
        """A job over the inputs."""
        return Job(
            kind=kind,
            data=str(self.inputs / "data"),
            encoder=str(self.inputs / encoder.folder),
            exports=str(self.inputs / "exports" / encoder.folder),
            **details,
        )

    @property
    def _pairs(self) -> Path:
        return self.folder / "pairs.jsonl"

    def _measure_pair(self, cell: Cell) -> str:
        """Measures ours, then the peer, and keeps the pair; gives it in words."""
        sides = {"ours": OURS, "theirs": cell.peer}
        for side in sides.values():
            self._export(side, cell)
        measured = {
            key: self.measure(side, self._job_of(cell, side)) for key, side in sides.items()
        }
        with self._pairs.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self._record(cell) | measured) + "\n")
        ours, theirs = (side["seconds"] for side in measured.values())
        return f"{ours:.4g} s against {theirs:.4g} s, {theirs / ours:.2f} times as fast"

    def _job_of(self, cell: Cell, side: Peer) -> Job:
        return self.job(
            cell.encoder,
            cell.work.kind,
            stages=cell.work.stages,
            percentile=cell.work.percentile,
            variant=side.variant,
        )

    def _export(self, side: Peer, cell: Cell) -> None:
        """Has a side write what answers, once in this run."""
        key = (side.name, cell.encoder.name)
        if not side.exports or cell.work.kind not in work.INFERENCE or key in self._exported:
            return
        job = self.job(cell.encoder, work.EXPORT)
        Path(job.exports).mkdir(parents=True, exist_ok=True)
        self.measure(side, job)
        self._exported.add(key)

    def _record(self, cell: Cell) -> dict[str, Any]:
        """What a pair is of: it counts for another run only where all of this is equal."""
        return {
            "work": cell.work.name,
            "encoder": cell.encoder.name,
            "peer": cell.peer.name,
            "texts": self.num_texts,
            "machine": self.machine,
            "code": code(cell.peer),
        }


@functools.cache
def code(peer: Peer) -> str:
    """A digest of what both sides run: the package, our script, the peer's and its packages.

    It is that of the first call, so that a run keeps its pairs whatever is edited while it runs.
    """
    names = {"ours.py", "work.py", "measure.py", "inputs.py", peer.script}
    files = [*sorted(PACKAGE.rglob("*.py")), *(HERE / name for name in sorted(names))]
    files.append(HERE / f"requirements-{peer.environment}.txt")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
