"""Pictures of a training: what trains in each stage, and the learning curves."""

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from mtl_keras.plans.plan_table import effort_of
from mtl_keras.reports.drawing import (
    HATCHED,
    PALE,
    TYPE,
    WIDTH,
    Place,
    add_panel,
    blank_figure,
    house_style,
    label_at_right,
    plan_styles,
    widest,
    write,
)
from mtl_keras.reports.names import short, short_names
from mtl_keras.reports.tables import directed

# One scale for all grids, so that they can be compared; rates outside are clipped.
RATES = LogNorm(1e-6, 1e-2, clip=True)
RATE_COLOURS = ListedColormap(mpl.colormaps["viridis"](np.linspace(0.45, 1, 256)))  # under black


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
    curves_by_plan: Mapping[str, Mapping[str, Sequence]],
    task: str,
    metric: str,
    *,
    title: str = "",
    borders: Sequence[float] = (),
) -> Figure:
    """Draws a task's validation metric after each epoch, one line per plan: the mean over seeds.

    A band spans the lowest and the highest seed. A run that ended earlier counts until its last
    epoch; undefined values (None) are left out.

    Args:
        curves_by_plan: plan → task → for each seed a list of values, one per epoch. A plan
            without curves of the task has no line.
        task: name of the task.
        metric: name of the metric.
        title: of the figure; the default is task and metric.
        borders: epochs at which dotted lines stand, between stages.
    """
    styles = plan_styles(curves_by_plan)
    seeds = {
        plan: curves[task]
        for plan, curves in curves_by_plan.items()
        if any(value is not None for seed in curves.get(task, ()) for value in seed)
    }
    height, right = max(190, 13 * len(seeds)), widest(seeds) + 28
    figure = blank_figure(height + 58, title or f"{short(task)}: {directed(metric)}")
    axes = add_panel(figure, 40, 34, WIDTH - 40 - right, height)
    ends = {plan: _draw_curve(axes, curves, styles[plan]) for plan, curves in seeds.items()}
    for border in borders:
        axes.axvline(border, color=PALE, linestyle=":", linewidth=1)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    label_at_right(axes, ends, styles)
    return figure


def _name_rows(axes: Axes, groups: Sequence[str]) -> None:
    top, names = len(groups), short_names(groups)
    for row, name in enumerate(groups):
        write(axes, names[name], (0, row + 0.5), (-6, 0), ha="right")
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
    colour = RATE_COLOURS(RATES(rate))
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor=PALE, linewidth=0.6))
    words = _in_two_digits(rate).replace("e", "\ne" if narrow else "e")
    width = axes.bbox.width / axes.get_xlim()[1]
    size = min(TYPE, 0.9 * TYPE * width / widest(words.split("\n")))
    write(axes, words, (column + 0.5, row + 0.5), ha="center", color="black", size=size)


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
    )  # (epochs, seeds that got so far)
    of_epochs = {number: values for number, values in enumerate(measured, 1) if values}
    epochs, values = [*of_epochs], [*of_epochs.values()]
    means = [math.fsum(epoch) / len(epoch) for epoch in values]
    low, high = [min(epoch) for epoch in values], [max(epoch) for epoch in values]
    axes.fill_between(epochs, low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.plot(epochs, means, markersize=4, linewidth=1.2, **style)
    return epochs[-1], means[-1]
