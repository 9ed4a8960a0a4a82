"""The learning benchmark's table: both sides beside each other, in Markdown.

`python benchmarks/learning_table.py results.jsonl` reads rows such as `{"side": "ours", "mode":
"single", "task": "topic", "seed": 0, "metric": "accuracy", "value": 0.9, "seconds": 60.0}`, of
sides `ours` and `peer`, modes `single` (one model a task) and `joint` (one model for all), from
one or more files. Needs the standard library only.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from learning_data import TASKS

MODES = ("single", "joint")
SIDES = ("ours", "peer")
NO_VALUE = "–"

Values = Mapping[tuple[str, str, str], Mapping[int, float]]


def table(rows: Sequence[dict]) -> str:
    """Rows of results → a Markdown table with a line that says what its figures are.

    Example:

    >>> row = {"mode": "single", "task": "topic", "seed": 0, "metric": "accuracy"}
    >>> rows = [row | {"side": "ours", "value": 0.9}, row | {"side": "peer", "value": 0.885}]
    >>> print(table(rows).splitlines()[2])
    | topic (accuracy) | 90.0 | 88.5 | +1.5 | – | – | – |
    """
    values = _values(rows)
    metrics = {row["task"]: row["metric"] for row in rows}
    header = ["task", *(f"{mode} {name}" for mode in MODES for name in (*SIDES, "difference"))]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for task in TASKS:
        if task in metrics:
            name = f"{task} ({metrics[task].replace('_', ' ')})"
            lines.append([name, *(cell for mode in MODES for cell in _cells(values, task, mode))])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{_note(values)}"


def _values(rows: Sequence[dict]) -> Values:
    values: dict = defaultdict(dict)
    for row in rows:
        values[row["task"], row["mode"], row["side"]][row["seed"]] = 100 * row["value"]
    return values


def _cells(values: Values, task: str, mode: str) -> list[str]:
    by_side = [list(values.get((task, mode, side), {}).values()) for side in SIDES]
    ours, peer = by_side
    difference = f"{mean(ours) - mean(peer):+.1f}" if ours and peer else NO_VALUE
    return [*map(_spread, by_side), difference]


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}" if values else NO_VALUE
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def _note(values: Values) -> str:
    seeds = sorted({seed for by_seed in values.values() for seed in by_seed})
    incomplete = any(len(by_seed) < len(seeds) for by_seed in values.values())
    return (
        f"Test results in points (× 100), mean ± sample standard deviation over seeds "
        f"{', '.join(map(str, seeds))}{' (not all runs are done)' if incomplete else ''}; "
        f"difference: ours − peer."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+", help="JSON lines")
    files = parser.parse_args().results
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    print(table([json.loads(line) for line in lines]))


if __name__ == "__main__":
    main()
