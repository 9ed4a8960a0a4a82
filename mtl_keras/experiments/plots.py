"""The pictures of a comparison, legible on a phone and in greyscale."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from mtl_keras.experiments.drawing import (
    COLOURS,
    PALE,
    TYPE,
    WIDTH,
    Place,
    Segment,
    add_panel,
    blank_figure,
    house_style,
    label_at_right,
    label_nearby,
    plan_styles,
    short,
    widest,
    write,
)
from mtl_keras.experiments.fronts import plans_on_front
from mtl_keras.experiments.tables import directed
from mtl_keras.plans.plan_table import effort_of

# One scale for all grids, so that they can be compared; rates outside are clipped.
RATES = LogNorm(1e-6, 1e-2, clip=True)
FULL: dict[str, Any] = {"facecolor": COLOURS(0.3), "edgecolor": COLOURS(0.3)}
HATCHED: dict[str, Any] = {
    "facecolor": "white",
    "edgecolor": PALE,
    "hatch": "////",
    "linewidth": 0.6,
}


@house_style()
def trainability_grid(grid: Mapping, *, title: str) -> Figure:
    """Draws what trains in each stage: layer groups (the top one at the top) by stages.

    A cell shows the group's learning rate, coloured on a log scale from 1e-6 to 1e-2. The cell of
    a frozen group is hatched.

    Args:
        grid: `groups` (names, lowest first) and `stages`, each with `epochs` and `rates`: one
            learning rate per group, None if it is frozen.
        title: title of the figure.

    Example:

    >>> stage = {"epochs": 1, "rates": [None, 1e-3]}
    >>> grid = {"groups": ["block_0", "heads/topic"], "stages": [stage]}
    >>> trainability_grid(grid, title="linear_probe").get_suptitle()
    'linear_probe'
    """
    groups, stages = grid["groups"], grid["stages"]
    narrow = len(stages) > 4
    height = (25 if narrow else 18) * len(groups)
    left = widest(groups) + 14
    figure = blank_figure(height + 92, title)
    axes = add_panel(figure, left, 38, WIDTH - left - 8, height)
    axes.set(xlim=(0, max(1, len(stages))), ylim=(0, len(groups)))
    axes.set_axis_off()
    _name_rows(axes, groups)
    for column, stage in enumerate(stages):
        _draw_stage(axes, column, stage, narrow)
    _draw_rate_legend(add_panel(figure, 8, 18, WIDTH - 16, 15))
    return figure


@house_style()
def learning_curves(
    curves_by_plan: Mapping[str, Mapping[str, Sequence]], task: str, metric: str
) -> Figure:
    """Draws a task's validation metric after each epoch, one line per plan: the mean over seeds.

    A band spans the lowest and the highest seed. A run that ended earlier counts until its last
    epoch; undefined values (None) are left out.

    Args:
        curves_by_plan: plan → task → for each seed a list of values, one per epoch. A plan
            without curves of the task has no line.
        task: name of the task.
        metric: name of the metric.
    """
    styles = plan_styles(curves_by_plan)
    seeds = {
        plan: curves[task]
        for plan, curves in curves_by_plan.items()
        if any(value is not None for seed in curves.get(task, ()) for value in seed)
    }
    height, right = max(190, 13 * len(seeds)), widest(seeds) + 28
    figure = blank_figure(height + 58, f"{short(task)}: {directed(metric)}")
    axes = add_panel(figure, 40, 34, WIDTH - 40 - right, height)
    ends = {plan: _draw_curve(axes, curves, styles[plan]) for plan, curves in seeds.items()}
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    label_at_right(axes, ends, styles)
    return figure


@house_style()
def score_against_cost(report: Mapping, task: str) -> Figure:
    """Draws each plan's score on a task, with its interval, over the plan's wall time.

    Plans on the Pareto front have filled markers and are joined by a staircase.

    Args:
        report: the report of a comparison, see `report.write_report`.
        task: name of the task.
    """
    metric, plans = report["tasks"][task]["metric"], report["plans"]
    seconds, unit = _time_unit(max(plan["wall_seconds"] for plan in plans.values()))
    scores = {name: plan["tasks"][task] for name, plan in plans.items()}
    points = {
        name: (plans[name]["wall_seconds"] / seconds, scored["mean"])
        for name, scored in scores.items()
        if scored["mean"] is not None
    }
    bars = {name: scores[name]["interval"] or 0.0 for name in points}
    figure = blank_figure(290, f"{short(task)}: {directed(metric)}")
    axes = add_panel(figure, 40, 34, WIDTH - 48, 232)
    axes.set_xlabel(f"wall time ({unit})")
    front = plans_on_front(report, task)
    for start, end in _stairs(points, front):
        axes.plot(*zip(start, end, strict=True), color=PALE, linewidth=1, zorder=1)
    for name, style in plan_styles(plans).items():
        if name in points:
            _draw_point(axes, points[name], bars[name], style, filled=name in front)
    axes.margins(0.12)
    label_nearby(axes, points, clear_of=[*_drawn_bars(points, bars), *_stairs(points, front)])
    return figure


@house_style()
def drift_bars(report: Mapping) -> Figure:
    """Draws how far each protected task drifted under each plan: two bars, one panel per task.

    The full bar is the share of its answers that flipped, the hatched one 1 - CKA (Kornblith et
    al., 2019, "Similarity of neural network representations revisited").

    Args:
        report: the report of a comparison, see `report.write_report`; one plan or more has drift.
    """
    drifts = _drifts_by_task(report)
    heights = [26 * len(plans) for plans in drifts.values()]
    left = widest(name for plans in drifts.values() for name in plans) + 14
    most = max(max(pair) for plans in drifts.values() for pair in plans.values())
    figure = blank_figure(sum(heights) + 24 * len(heights) + 28)
    top = figure.bbox.height
    for (task, plans), height in zip(drifts.items(), heights, strict=True):
        top -= height + 24
        axes = add_panel(figure, left, top, WIDTH - left - 36, height)
        axes.set(xlim=(0, most or 1), ylim=(0, len(plans)), xticks=[], yticks=[])
        axes.set_title(short(task), x=0, ha="left", pad=5)
        _draw_drifts(axes, plans)
    _draw_drift_legend(add_panel(figure, 8, 8, WIDTH - 16, 10))
    return figure


def _name_rows(axes: Axes, groups: Sequence[str]) -> None:
    top = len(groups)
    for row, name in enumerate(groups):
        write(axes, short(name), (0, row + 0.5), (-6, 0), ha="right")
    write(axes, "epochs", (0, top), (-6, 8), ha="right")
    write(axes, "stage", (0, top), (-6, 21), ha="right")


def _draw_stage(axes: Axes, column: int, stage: Mapping, narrow: bool) -> None:
    top = len(stage["rates"])
    write(axes, effort_of(stage), (column + 0.5, top), (0, 8), ha="center")
    write(axes, str(column + 1), (column + 0.5, top), (0, 21), ha="center", weight="bold")
    for row, rate in enumerate(stage["rates"]):
        _draw_cell(axes, column, row, rate, narrow)


def _draw_cell(axes: Axes, column: int, row: int, rate: float | None, narrow: bool = False) -> None:
    if rate is None:
        axes.add_patch(Rectangle((column, row), 1, 1, **HATCHED))
        return
    colour = COLOURS(RATES(rate))
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white"))
    words = _in_two_digits(rate).replace("e", "\ne" if narrow else "e")
    width = axes.bbox.width / axes.get_xlim()[1]
    size = min(TYPE, 0.9 * TYPE * width / widest(words.split("\n")))
    red, green, blue, _ = colour
    ink = "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"
    write(axes, words, (column + 0.5, row + 0.5), ha="center", color=ink, size=size)


def _draw_rate_legend(axes: Axes) -> None:
    axes.set(xlim=(0, 6), ylim=(0, 1))
    axes.set_axis_off()
    for column, rate in enumerate((None, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)):
        _draw_cell(axes, column, 0, rate)
    write(axes, "frozen", (0.5, 0), (0, -8), ha="center")
    write(axes, "learning rate", (3.5, 0), (0, -8), ha="center")


def _in_two_digits(rate: float) -> str:
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _draw_curve(axes: Axes, curves: Sequence[Sequence[float]], style: Mapping) -> Place:
    """Draws a plan's line and band; returns the end of the line."""
    measured = (
        [value for value in epoch if value is not None] for epoch in zip_longest(*curves)
    )  # (epochs, seeds that reached the epoch)
    of_epochs = {number: values for number, values in enumerate(measured, 1) if values}
    epochs, values = [*of_epochs], [*of_epochs.values()]
    means = [math.fsum(epoch) / len(epoch) for epoch in values]
    low, high = [min(epoch) for epoch in values], [max(epoch) for epoch in values]
    axes.fill_between(epochs, low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.plot(epochs, means, markersize=4, linewidth=1.2, **style)
    return epochs[-1], means[-1]


def _draw_point(axes: Axes, point: Place, bar: float, style: Mapping, *, filled: bool) -> None:
    axes.errorbar(
        *point,
        yerr=bar or None,
        color=style["color"],
        marker=style["marker"],
        markersize=6,
        markerfacecolor=style["color"] if filled else "white",
        elinewidth=0.8,
        capsize=2,
    )


def _drawn_bars(points: Mapping[str, Place], bars: Mapping[str, float]) -> list[Segment]:
    return [((x, y - bars[name]), (x, y + bars[name])) for name, (x, y) in points.items()]


def _stairs(points: Mapping[str, Place], front: Sequence[str]) -> list[Segment]:
    """Returns the best score at each cost as segments: level to the next dearer point, then up."""
    stairs: list[Segment] = []
    for name, following in pairwise(front):
        (x, y), (next_x, next_y) = points[name], points[following]
        stairs += [((x, y), (next_x, y)), ((next_x, y), (next_x, next_y))]
    return stairs


def _time_unit(seconds: float) -> tuple[int, str]:
    """Returns a unit in which this duration is readable: its seconds and its symbol."""
    return (3600, "h") if seconds >= 7200 else (60, "min") if seconds >= 300 else (1, "s")


def _drifts_by_task(report: Mapping) -> dict[str, dict[str, Place]]:
    """Returns task → plan → (share of flipped answers, 1 - CKA)."""
    drifts: dict[str, dict[str, Place]] = {}
    for name, plan in report["plans"].items():
        for task, drift in plan["drift"].items():
            drifts.setdefault(task, {})[name] = (drift["flipped"], 1 - drift["cka"])
    return drifts


def _draw_drifts(axes: Axes, plans: Mapping[str, Place]) -> None:
    for row, (name, pair) in enumerate(reversed(list(plans.items()))):
        write(axes, short(name), (0, row + 0.5), (-6, 0), ha="right")
        for place, value, look in zip((row + 0.68, row + 0.32), pair, (FULL, HATCHED), strict=True):
            axes.barh(place, value, 0.3, **look)
            write(axes, f"{value:.3f}", (value, place), (3, 0))


def _draw_drift_legend(axes: Axes) -> None:
    axes.set(xlim=(0, 2), ylim=(0, 1))
    axes.set_axis_off()
    for column, (words, look) in enumerate((("flipped answers", FULL), ("1 − CKA", HATCHED))):
        axes.add_patch(Rectangle((column, 0), 0.15, 1, **look))
        write(axes, words, (column + 0.2, 0.5))
