"""What the commands print: metrics, counts, plans and answers, for people or as JSON."""

import json
import textwrap
from collections.abc import Mapping, Sequence

from tabulate import tabulate


def print_json(value: Mapping, indent: int | None = 2) -> None:
    """For programs."""
    print(json.dumps(value, ensure_ascii=False, indent=indent))


def print_metrics(by_split: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """A row for each task and split, the task's own metric first, with its interval."""
    rows = [
        {"task": task, "split": split, "examples": metrics["examples"]}
        | {"metrics, the first with its 95% interval": _in_words(metrics)}
        for split, tasks in by_split.items()
        for task, metrics in tasks.items()
    ]
    print(tabulate(rows, headers="keys", intfmt=","))


def _in_words(metrics: Mapping[str, float]) -> str:
    first, *others = (name for name in metrics if name not in ("examples", "low", "high"))
    said = f"{first} {metrics[first]:.4f} ({metrics['low']:.4f} to {metrics['high']:.4f})"
    return ", ".join([said, *(f"{name} {metrics[name]:.4f}" for name in others)])


def counts(datasets: Mapping) -> list[dict]:
    """What a recipe's files hold, a row a task."""
    return [
        {"task": name, "kind": dataset.task.kind, "labels": len(dataset.task.labels)}
        | {split: dataset.counts.get(split, 0) for split in ("train", "validation", "test")}
        for name, dataset in datasets.items()
    ]


def print_plan(groups: Sequence[Mapping]) -> None:
    """What trains when, from the rows of `plan_table`."""
    rows = [_plan_row(row) for row in _with_totals(groups)]
    columns = ["left", *["right"] * (len(rows[0]) - 1)]
    print(tabulate(rows, headers="keys", colalign=columns, disable_numparse=True))


def _with_totals(groups: Sequence[Mapping]) -> list[Mapping]:
    """The rows, and one of all parameters and those that train in each stage."""
    trains = [
        sum(row["parameters"] for row in groups if row["stages"][number] is not None)
        for number in range(len(groups[0]["stages"]))
    ]
    total = sum(row["parameters"] for row in groups)
    return [*groups, {"group": "all", "parameters": total, "stages": [f"{n:,}" for n in trains]}]


def _plan_row(row: Mapping) -> dict:
    stages = {
        f"stage {number}": "frozen" if rate is None else _rate(rate)
        for number, rate in enumerate(row["stages"], 1)
    }
    return {"group": row["group"], "parameters": f"{row['parameters']:,}"} | stages


def _rate(rate: float | str) -> str:
    return rate if isinstance(rate, str) else f"{rate:.3g}"


def readable(answer: Mapping) -> str:
    """A text and every task's answer to it."""
    lines = [answer["text"]]
    for task, found in answer.items():
        if task == "text":
            continue
        if isinstance(found, list):
            said = ", ".join(f"{e['text']} ({e['label']}, {e['score']:.2f})" for e in found)
        elif "value" in found:
            said = f"{found['value']:.4g}"
        elif "labels" in found:
            said = ", ".join(f"{label} ({found['scores'][label]:.2f})" for label in found["labels"])
        else:
            said = f"{found['label']} ({found['score']:.2f})"
        lines.append(f"{task}: {said or 'none'}")
    return textwrap.indent("\n".join(lines), "  ")[2:]
