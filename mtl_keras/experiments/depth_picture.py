"""Score over depth: how well each task is predicted from every level of the frozen encoder."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mtl_keras.plans.layer_groups import EMBEDDINGS
from mtl_keras.reports.drawing import (
    WIDTH,
    Place,
    add_panel,
    blank_figure,
    house_style,
    label_at_right,
    plan_styles,
    widest,
)
from mtl_keras.reports.tables import Cell, Section, Table, directed, or_nothing, rounded

PANEL, BETWEEN, BELOW = 150, 34, 34  # points
MOST_TICKS = 13


def depth_section(report: Mapping) -> Section:
    """Returns a table of level by task: the scores of a head solved on that level.

    It has no row if the report has no `depth`.
    """
    tasks: Mapping[str, Mapping] = report.get("depth", {})
    header, columns = ["level"], []
    for name, of_task in tasks.items():
        header += [f"{name}: {directed(of_task['metric'])}", f"{name}: held out"]
        columns += [[_scored(level, of_task) for level in of_task["levels"]]]
        columns += [[_held_out(level, of_task) for level in of_task["levels"]]]
    names = [level["level"] for of_task in tasks.values() for level in of_task["levels"]]
    rows = [
        (Cell(name), *cells) for name, *cells in zip(dict.fromkeys(names), *columns, strict=True)
    ]
    note = (
        "The score of a linear head on each level of the published encoder, solved on the training "
        f"texts. First: on the {report['split']} split, with the 95% interval over its examples. "
        "Held out: on the validation split and texts held out of the training split; these choose "
        "the level, which is bold."
    )
    return Section("Score over depth", note, Table(tuple(header), rows))


@house_style()
def scores_over_depth(depth: Mapping[str, Mapping]) -> Figure:
    """Draws each task's score over the level that its head reads.

    Each task has a line, each metric a panel. Bars are 95% intervals; a ring marks the block that
    the held-out texts choose. A level whose metric is undefined has no point.

    Args:
        depth: task → its levels, the `depth` of `report.write_report`.
    """
    by_metric: dict[str, dict[str, Mapping]] = {}
    for name, of_task in depth.items():
        by_metric.setdefault(of_task["metric"], {})[name] = of_task
    styles, right = plan_styles(depth), widest(depth) + 28
    figure = blank_figure((PANEL + BETWEEN) * len(by_metric) + BELOW)
    top = figure.bbox.height
    for metric, tasks in by_metric.items():
        top -= PANEL + BETWEEN
        axes = add_panel(figure, 40, top + 10, WIDTH - 40 - right, PANEL)
        axes.set_title(directed(metric), x=0, ha="left", pad=5)
        ends = {
            name: end
            for place, (name, of_task) in enumerate(tasks.items())
            if (end := _draw_task(axes, of_task, place - (len(tasks) - 1) / 2, styles[name]))
        }
        _name_levels(axes, [level["level"] for level in next(iter(tasks.values()))["levels"]])
        label_at_right(axes, ends, styles)
    axes.set_xlabel("level: embeddings (e), then blocks")
    return figure


def _draw_task(
    axes: Axes, of_task: Mapping, place: float, style: Mapping[str, Any]
) -> Place | None:
    """Draws a task's line, shifted a little from the others; returns where it ends."""
    scored = [
        (number + 0.08 * place, level["level"] == of_task["reads"], level["scored"])
        for number, level in enumerate(of_task["levels"])
        if level["scored"]["value"] is not None
    ]
    if not scored:
        return None
    places, is_read, scores = zip(*scored, strict=True)
    values = [score["value"] for score in scores]
    bars = [
        [score["value"] - score["low"] for score in scores],
        [score["high"] - score["value"] for score in scores],
    ]
    axes.errorbar(places, values, bars, markersize=4, linewidth=1.2, elinewidth=0.6, **style)
    chosen = [(x, y) for x, y, read in zip(places, values, is_read, strict=True) if read]
    for x, y in chosen:
        axes.plot(x, y, "o", markersize=11, markerfacecolor="none", color=style["color"])
    return places[-1], values[-1]


def _name_levels(axes: Axes, levels: list[str]) -> None:
    step = -(-len(levels) // MOST_TICKS)
    shown = range(0, len(levels), step)
    axes.set_xticks(shown, [_tick(levels[number]) for number in shown])


def _tick(level: str) -> str:
    return "e" if level == EMBEDDINGS else level.removeprefix("block_")


def _scored(level: Mapping, of_task: Mapping) -> Cell:
    scored = level["scored"]
    text = _figure(scored["value"])
    if scored["low"] is not None:
        text += f" ({_figure(scored['low'])} to {_figure(scored['high'])})"
    return Cell(text, strong=level["level"] == of_task["reads"])


def _held_out(level: Mapping, of_task: Mapping) -> Cell:
    return Cell(_figure(level["held_out"][of_task["metric"]]))


def _figure(value: float | None) -> str:
    return or_nothing(value, rounded)
