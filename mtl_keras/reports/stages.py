"""The stages of a run: what trained, what the freeze proof found, how it learnt, what it cost."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mtl_keras.data.task import Task
from mtl_keras.plans.stage import Stage
from mtl_keras.reports.page import Picture
from mtl_keras.reports.tables import (
    Cell,
    Section,
    Table,
    directed,
    duration,
    gigabytes,
    or_nothing,
    rounded,
)
from mtl_keras.reports.training_pictures import learning_curves, trainability_grid

LOSS = "loss"
SECONDS = ("seconds", "features_seconds", "proof_seconds")


def curve_pictures(records: Sequence[Mapping], tasks: Iterable[Task]) -> list[Picture]:
    """Returns the loss and each task's metric by epoch, on training and on validation.

    Args:
        records: of the stages, as in `history.json`.
        tasks: that were trained.
    """
    pictures = [_curves(records, LOSS, f"{LOSS} ↓", "The loss of all tasks")]
    for task in tasks:
        name = f"{task.name}_{task.metric}"
        title = f"{task.name}: {directed(task.metric)}"
        pictures.append(_curves(records, name, title, f"{task.metric} of {task.name}"))
    return [picture for picture in pictures if picture]


def stages_section(records: Sequence[Mapping]) -> Section:
    """Returns layer group by stage: whether it trained, and whether it changed, bit for bit."""
    groups = [row["group"] for row in records[0]["groups"]]
    header = ("layer group", "parameters", *map(_stage_name, range(1, len(records) + 1)))
    rows = [
        (
            Cell(name),
            Cell(f"{records[0]['groups'][place]['parameters']:,}"),
            *(Cell(_outcome(record, place)) for record in records),
        )
        for place, name in enumerate(groups)
    ]
    note = (
        "The freeze proof compares hashes of all weights and optimizer slots before and after each "
        "stage: what was frozen is the same, bit for bit, and what trained has changed."
    )
    return Section("What trained", note, Table(header, rows))


def grid_picture(records: Sequence[Mapping], stages: Sequence[Stage] | None) -> Picture:
    """Returns the learning rate of each layer group in each stage.

    Args:
        records: of the stages, as in `history.json`.
        stages: of the recipe; None: the rates with which the stages ended are drawn.
    """
    groups = [row["group"] for row in records[0]["groups"]]
    grid = {
        "groups": groups,
        "stages": [
            {
                "epochs": len(record["history"][LOSS]),
                "solved": bool(stages and stages[place].solve),
                "rates": _rates(record, groups, stages[place] if stages else None),
            }
            for place, record in enumerate(records)
        ],
    }
    most = max(_trained(record) for record in records)
    return Picture(
        trainability_grid(grid, title=""),
        "learning rate of each layer group in each stage",
        f"Learning rate of each layer group in each stage; hatched is frozen. At most {most:,} "
        "parameters train at a time.",
    )


def cost_section(records: Sequence[Mapping], facts: Mapping[str, Any]) -> Section:
    """Returns stage by cost; the memory too, if the run kept it."""
    rows = [
        (
            Cell(_stage_name(number)),
            Cell(record["freeze"]),
            Cell(f"{len(record['history'][LOSS])}"),
            *(Cell(or_nothing(record.get(name), duration)) for name in SECONDS),
            Cell(or_nothing(record.get("step_seconds"), "{:.4f}".format)),
        )
        for number, record in enumerate(records, 1)
    ]
    seconds = sum(record.get(name) or 0.0 for record in records for name in SECONDS)
    notes = [f"Training took {duration(seconds)}."]
    if peak := facts.get("peak_memory_bytes"):
        notes.append(f"The process had at most {gigabytes(peak)} of memory.")
    if facts.get("devices"):
        notes.append(f"Devices: {facts['devices']}; processes: {facts.get('workers', 1)}.")
    header = ("stage", "frozen", "epochs", "training", "frozen layers", "proof", "s/step")
    return Section("Cost", " ".join(notes), Table(header, rows, names=2))


def drift_section(drifted: Mapping[str, Mapping]) -> Section:
    """Returns what became of each task whose head stood frozen while others trained the encoder."""
    rows = [
        (
            Cell(name),
            Cell(drift["metric"]),
            *(Cell(or_nothing(drift[f"metric_{when}"], rounded)) for when in ("before", "after")),
            *(Cell(or_nothing(drift[key], rounded)) for key in ("flipped", "cka", "cosine")),
        )
        for name, drift in drifted.items()
    ]
    note = (
        "Tasks whose head stood frozen while others trained the encoder: the metric before and "
        "after, the share of answers that flipped, and the similarity of the encoder's outputs "
        "before and after; 1 means unchanged."
    )
    header = ("task", "metric", "before", "after", "flipped", "CKA", "cosine")
    return Section("Drift", note, Table(header, rows, names=2))


def _curves(records: Sequence[Mapping], name: str, title: str, what: str) -> Picture | None:
    lines = {
        line: {name: [[_defined(value) for value in _values(records, f"{prefix}{name}")]]}
        for line, prefix in (("training", ""), ("validation", "val_"))
    }
    if all(value is None for line in lines.values() for value in line[name][0]):
        return None
    borders = _borders(records)
    between = " Dotted lines stand between stages." if borders else ""
    return Picture(
        learning_curves(lines, name, name, title=title, borders=borders),
        f"{title} by epoch",
        f"{what} after each epoch.{between}",
    )


def _values(records: Sequence[Mapping], name: str) -> list[float | None]:
    """Returns a value an epoch of all stages; None where a stage did not measure it."""
    values: list[float | None] = []
    for record in records:
        history = record["history"]
        values += history.get(name, [None] * len(history[LOSS]))
    return values


def _borders(records: Sequence[Mapping]) -> list[float]:
    ends, before = [], 0
    for record in records[:-1]:
        before += len(record["history"][LOSS])
        ends.append(before + 0.5)
    return ends


def _rates(record: Mapping, groups: Sequence[str], stage: Stage | None) -> list[float | None]:
    """Returns a learning rate a group, None if it was frozen."""
    trains = [row["trains"] for row in record["groups"]]
    if stage is not None:
        by_group: Mapping[str, float] = stage.learning_rate.by_group(list(groups))
    else:
        by_layer = record["learning_rates"]
        by_group = {group: by_layer.get(_layer_of(group), 0.0) for group in groups}
    pairs = zip(groups, trains, strict=True)
    return [by_group[group] if does else None for group, does in pairs]


def _layer_of(group: str) -> str:
    block, _, owners = group.partition("@")
    if owners:
        return f"{owners}.{block}"
    return f"{group.removeprefix('heads/')}_head" if group.startswith("heads/") else group


def _trained(record: Mapping) -> int:
    return sum(row["parameters"] for row in record["groups"] if row["trains"])


def _outcome(record: Mapping, place: int) -> str:
    proof = record.get("proof") or []
    state = "trained" if record["groups"][place]["trains"] else "frozen"
    if place >= len(proof):
        return state
    changed = proof[place]["weights_changed"] or proof[place]["slots_changed"]
    return f"{state}, {'changed' if changed else 'unchanged'}"


def _stage_name(number: int) -> str:
    return f"stage {number}"


def _defined(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
