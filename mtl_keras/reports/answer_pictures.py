"""Pictures of a task's answers: how often they are right as sure as they are, and numbers."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mtl_keras.reports.drawing import (
    COLOURS,
    PALE,
    WIDTH,
    add_panel,
    blank_figure,
    house_style,
)

SIDE = WIDTH - 60


@house_style()
def calibration_curve(bins: Sequence[Mapping[str, float]]) -> Figure:
    """Draws how often answers are right by how sure they are; on the dotted line both are equal.

    The larger a point, the more answers it stands for.

    Args:
        bins: `count`, mean `confidence` and share `right` of each (`Calibration.curve`).
    """
    figure, axes = _square("probability of the answer", "share that is right")
    most = max(part["count"] for part in bins)
    confidence, right = ([part[name] for part in bins] for name in ("confidence", "right"))
    sizes = [8 + 60 * part["count"] / most for part in bins]
    axes.axline((0, 0), slope=1, color=PALE, linestyle=":")
    axes.plot(confidence, right, color=COLOURS[0], linewidth=1)
    axes.scatter(confidence, right, s=sizes, color=COLOURS[0])
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    return figure


@house_style()
def numbers_cloud(numbers: Sequence[tuple[float, float]]) -> Figure:
    """Draws numbers that are right, and those answered; on the dotted line both are equal.

    Args:
        numbers: `(expected, answered)`.
    """
    figure, axes = _square("expected", "answered")
    expected, answered = zip(*numbers, strict=True)
    axes.scatter(expected, answered, s=10, facecolors="none", edgecolors=COLOURS[0], linewidth=0.8)
    axes.axline((numbers[0][0],) * 2, slope=1, color=PALE, linestyle=":")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    return figure


def _square(across: str, up: str) -> tuple[Figure, Axes]:
    figure = blank_figure(SIDE + 50)
    axes = add_panel(figure, 48, 38, SIDE, SIDE)
    axes.set(xlabel=across, ylabel=up)
    return figure, axes
