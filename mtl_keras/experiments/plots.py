"""The pictures of a comparison, legible on a phone and in greyscale."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mtl_keras.experiments.fronts import plans_on_front
from mtl_keras.reports.drawing import (
    FULL,
    HATCHED,
    PALE,
    PAPER,
    WIDTH,
    Place,
    Segment,
    add_panel,
    blank_figure,
    house_style,
    label_nearby,
    plan_styles,
    widest,
    write,
)
from mtl_keras.reports.names import short, short_names
from mtl_keras.reports.tables import directed


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


def _draw_point(axes: Axes, point: Place, bar: float, style: Mapping, *, filled: bool) -> None:
    axes.errorbar(
        *point,
        yerr=bar or None,
        color=style["color"],
        marker=style["marker"],
        markersize=6,
        markerfacecolor=style["color"] if filled else PAPER,
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
    names = short_names(plans)
    for row, (name, pair) in enumerate(reversed(list(plans.items()))):
        write(axes, names[name], (0, row + 0.5), (-6, 0), ha="right")
        for place, value, look in zip((row + 0.68, row + 0.32), pair, (FULL, HATCHED), strict=True):
            axes.barh(place, value, 0.3, **look)
            write(axes, f"{value:.3f}", (value, place), (3, 0))


def _draw_drift_legend(axes: Axes) -> None:
    axes.set(xlim=(0, 2), ylim=(0, 1))
    axes.set_axis_off()
    for column, (words, look) in enumerate((("flipped answers", FULL), ("1 − CKA", HATCHED))):
        axes.add_patch(Rectangle((column, 0), 0.15, 1, **look))
        write(axes, words, (column + 0.2, 0.5))
