"""The words and tables of a comparison's report, the same in Markdown and HTML."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from mtl_keras.data.label_kinds import higher_is_better
from mtl_keras.plans.plan_table import effort_of
from mtl_keras.reports.tables import (
    NOTHING,
    Cell,
    Section,
    Table,
    directed,
    duration,
    gigabytes,
    or_nothing,
)


def heading(report: Mapping) -> str:
    """Returns the report's title."""
    return f"{report['title']}: freezing plans compared"


def summary(report: Mapping) -> str:
    """Returns sentences that say what was compared, on which split, over how many seeds."""
    plans, seeds = len(report["plans"]), report["seeds"]
    named = ", ".join(map(str, seeds))
    compared = f"{plans} training {'plan' if plans == 1 else 'plans'} of {report['encoder']}"
    if len(seeds) == 1:
        return (
            f"{compared}, scored on the {report['split']} split with one seed ({named}): "
            "no interval can be shown, and small differences may be chance."
        )
    return (
        f"{compared}, scored on the {report['split']} split with {len(seeds)} seeds ({named}): "
        "means over the seeds; ± is the half-width of their 95% t-interval."
    )


def scores(report: Mapping) -> Section:
    """Returns a row per plan: each task's metric, and the plan's costs."""
    costs = ("trainable parameters", "epochs", "s/step", "wall time", "peak memory")
    columns = _score_columns(report)
    rows = [
        (Cell(name), *(cell_of(name, plan) for cell_of in columns.values()), *_costs(plan))
        for name, plan in report["plans"].items()
    ]
    return Section("Scores and costs", _score_note(report), Table(("plan", *columns, *costs), rows))


def sharing(report: Mapping) -> Section:
    """Returns a row per plan and task: the task in the multi-task model, and alone."""
    rows = [
        (Cell(name), Cell(task), *_shared(report, task, scored))
        for name, task, scored in _scored(report)
        if scored["single"] is not None
    ]
    note = (
        "Compares the model of all tasks with a model of each task alone. The difference has its "
        "95% interval over seeds and examples together; it is bold if sharing is better and the "
        "interval excludes zero."
    )
    header = ("plan", "task", "multi-task", "single-task", "difference")
    return Section("Single-task and multi-task", note, Table(header, rows, names=2))


def drift(report: Mapping) -> Section:
    """Returns a row per plan and task with a frozen head: what became of the task."""
    rows = [
        (Cell(name), Cell(task), *_drifted(report, task, drifted))
        for name, plan in report["plans"].items()
        for task, drifted in plan["drift"].items()
    ]
    note = (
        "The effect on a task if other tasks train the encoder under its frozen head: its metric "
        "before and after, the share of its answers that flipped, and the similarity (CKA, cosine) "
        "of the encoder's outputs before and after; 1 means unchanged."
    )
    header = ("plan", "task", "before", "after", "flipped", "CKA", "cosine")
    return Section("Drift", note, Table(header, rows, names=2))


def stages(report: Mapping) -> Section:
    """Returns a row per plan: what is frozen in each stage."""
    rows = [(Cell(name), Cell(_staged(plan))) for name, plan in report["plans"].items()]
    note = "Shows what each stage freezes, and its number of epochs, or that its heads are solved."
    return Section("Stages", note, Table(("plan", "frozen (epochs)"), rows, names=2))


def data(report: Mapping) -> Section:
    """Returns a row per task: its kind, its metric and its number of examples."""
    splits = list(
        dict.fromkeys(split for task in report["tasks"].values() for split in task["examples"])
    )
    rows = [
        (
            Cell(name),
            Cell(task["kind"]),
            Cell(task["metric"]),
            *(Cell(or_nothing(task["examples"].get(split), "{:,}".format)) for split in splits),
        )
        for name, task in report["tasks"].items()
    ]
    note = "The kind, the metric and the number of examples of each task."
    return Section("Tasks", note, Table(("task", "kind", "metric", *splits), rows, names=3))


def _scored(report: Mapping) -> Iterator[tuple[str, str, Mapping]]:
    for name, plan in report["plans"].items():
        for task, scored in plan["tasks"].items():
            yield name, task, scored


def _score_columns(report: Mapping) -> dict[str, Callable[[str, Mapping], Cell]]:
    """Returns title → a function of plan name and plan: the cell of a score or its calibration."""
    columns: dict[str, Callable[[str, Mapping], Cell]] = {}
    for name, task in report["tasks"].items():
        digits, best = _digits(report, name), _best_plans(report, name)
        columns[f"{name}: {directed(task['metric'])}"] = functools.partial(
            _score, name, digits, best
        )
        if any(plan["tasks"][name].get("ece") is not None for plan in report["plans"].values()):
            columns[f"{name}: ECE ↓"] = functools.partial(_calibration, name)
    return columns


def _score(
    task: str, digits: Callable[[float], str], best: Sequence[str], name: str, plan: Mapping
) -> Cell:
    return Cell(_with_interval(digits, plan["tasks"][task]), strong=name in best)


def _calibration(task: str, name: str, plan: Mapping) -> Cell:
    return Cell(or_nothing(plan["tasks"][task].get("ece"), "{:.3f}".format))


def _score_note(report: Mapping) -> str:
    scored = [of_task for _, _, of_task in _scored(report)]
    notes = [
        "↑: higher is better, ↓: lower is better. The best mean, and those that do not differ "
        "from it, are bold. Trainable parameters are the most of any stage."
    ]
    if any(of_task["mean"] is None for of_task in scored):
        notes.append(f"{NOTHING}: the metric is undefined, since the split has nothing to find.")
    if any(of_task.get("low") is not None for of_task in scored):
        notes.append(
            "In brackets is the 95% interval over the split's examples, for plans without "
            "randomness, which run once."
        )
    if any(of_task.get("ece") is not None for of_task in scored):
        notes.append(
            "ECE, the expected calibration error, measures how far probabilities are from the "
            "share of right answers."
        )
    return " ".join(notes)


def _best_plans(report: Mapping, task: str) -> list[str]:
    """Returns the plan with the best mean of a task, and those that do not differ from it."""
    if verdict := report["tasks"][task].get("verdict"):
        return [*verdict["alike"]]
    choose = max if higher_is_better(report["tasks"][task]["metric"]) else min
    best = choose(_means(report, task), default=None)
    return [name for name, plan in report["plans"].items() if plan["tasks"][task]["mean"] == best]


def _means(report: Mapping, task: str) -> list[float]:
    """Returns a task's defined means, one per plan."""
    means = (plan["tasks"][task]["mean"] for plan in report["plans"].values())
    return [mean for mean in means if mean is not None]


def _costs(plan: Mapping) -> list[Cell]:
    return [
        Cell(f"{plan['trainable_parameters']:,}"),
        Cell(f"{sum(stage['epochs'] for stage in plan['grid']['stages'])}"),
        Cell(or_nothing(plan["step_seconds"], "{:.3f}".format)),
        Cell(or_nothing(plan["wall_seconds"], duration)),
        Cell(or_nothing(plan["peak_memory_bytes"], gigabytes)),
    ]


def _shared(report: Mapping, task: str, scored: Mapping) -> list[Cell]:
    digits = _digits(report, task)
    difference = scored["sharing"]
    if difference is None:
        both = (_with_interval(digits, score) for score in (scored, scored["single"]))
        return [*map(Cell, both), Cell(NOTHING)]
    return [
        Cell(_with_interval(digits, scored)),
        Cell(_with_interval(digits, scored["single"])),
        _difference(digits, difference, scored.get("sharing_interval"), scored["metric"]),
    ]


def _difference(
    digits: Callable[[float], str], difference: float, interval: Mapping | None, metric: str
) -> Cell:
    """Returns the gain of sharing, with its interval if it has one; bold if surely a gain."""

    def signed(value: float) -> str:
        return ("+" if value > 0 else "−" if value < 0 else "") + digits(abs(value))

    if not interval or interval["low"] is None:
        return Cell(signed(difference))
    low, high = interval["low"], interval["high"]
    helped = low > 0 if higher_is_better(metric) else high < 0
    return Cell(f"{signed(difference)} ({signed(low)} to {signed(high)})", strong=helped)


def _drifted(report: Mapping, task: str, drifted: Mapping) -> list[Cell]:
    digits = _digits(report, task)
    metrics = [or_nothing(drifted[f"metric_{when}"], digits) for when in ("before", "after")]
    shares = [or_nothing(drifted[name], "{:.3f}".format) for name in ("flipped", "cka", "cosine")]
    return [Cell(text) for text in (*metrics, *shares)]


def _digits(report: Mapping, task: str) -> Callable[[float], str]:
    """Returns a format for a task's metric that prints three digits of its largest mean."""
    largest = max(map(abs, _means(report, task)), default=0.0)
    decimals = 3 - math.ceil(math.log10(largest)) if largest else 3
    return f"{{:,.{max(0, decimals)}f}}".format


def _with_interval(digits: Callable[[float], str], scored: Mapping) -> str:
    interval = ""
    if scored["interval"] is not None:
        interval = f" ± {digits(scored['interval'])}"
    elif scored.get("low") is not None:
        interval = f" ({digits(scored['low'])} to {digits(scored['high'])})"
    return or_nothing(scored["mean"], digits) + interval


def _staged(plan: Mapping) -> str:
    stages = [f"{stage['freeze']} ({effort_of(stage)})" for stage in plan["grid"]["stages"]]
    return " → ".join(stages) or NOTHING
