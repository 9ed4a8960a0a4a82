"""Sizes, styles and labels of the pictures: a phone's width, legible type, no overlapping labels.

All lengths are in points.
"""

import contextlib
import functools
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from mtl_keras.reports.names import short_names

POINTS = 72  # an inch
WIDTH = 245  # on the 340 pixels of a phone, type of 8.5 points is 12 pixels high
TYPE, TITLE_TYPE = 8.5, 10
INK, PALE, GRID, PAPER = "#222222", "#767676", "#e2e2e2", "#ffffff"  # pages put their own here
# Of lines and bars: each has a contrast of 3 or more with a page's light and its dark ground.
COLOURS = (
    *("#0b76e2", "#c0640c", "#0e8c41", "#cd4290", "#8c56d6", "#9f8d0e"),
    *("#03999f", "#d73e3f", "#0497d2", "#b657cc", "#8f6a1a", "#649806"),
)
MARKERS, LINES = "os^DvPX*<>ph", ("-", "--", ":", "-.")
FULL: dict[str, Any] = {"facecolor": COLOURS[0], "edgecolor": COLOURS[0]}
HATCHED: dict[str, Any] = {
    "facecolor": PAPER,
    "edgecolor": PALE,
    "hatch": "////",
    "linewidth": 0.6,
}
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": TYPE,
    "figure.titlesize": TITLE_TYPE,
    "axes.titlesize": TITLE_TYPE,
    "axes.labelsize": TYPE,
    "xtick.labelsize": TYPE,
    "ytick.labelsize": TYPE,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": PALE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.fonttype": "none",  # text stays searchable and uses the reader's font
    "svg.hashsalt": "mtl_keras",  # the same ids in every process
}
Place = tuple[float, float]
Segment = tuple[Place, Place]
Box = tuple[float, float, float, float]


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Sets the fonts and colours of every picture. The reader's font supplies missing letters."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


class NotebookFigure(Figure):
    """A figure that notebooks display without pyplot."""

    def _repr_svg_(self) -> str:
        return to_svg(self)


def blank_figure(height: float, title: str = "") -> Figure:
    """Returns a figure of the width of all pictures, with its title at the top."""
    figure = NotebookFigure(figsize=(WIDTH / POINTS, height / POINTS), dpi=POINTS)
    if title:
        figure.suptitle(title, y=1 - 4 / height, va="top")
    return figure


@house_style()
def to_svg(figure: Figure) -> str:
    """Returns the figure as an SVG document; equal figures give equal documents."""
    document = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(document, format="svg", metadata=no_metadata)
    return document.getvalue()


def add_panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Adds axes at this place, measured from the figure's lower left corner."""
    across, up = figure.bbox.size
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def write(axes: Axes, words: str, at: Place, shift: Place = (0, 0), **kwargs: Any) -> None:
    """Writes text at a place in data units, shifted by points."""
    options: dict[str, Any] = {"va": "center", "annotation_clip": False} | kwargs
    axes.annotate(words, at, shift, textcoords="offset points", **options)


@functools.lru_cache(maxsize=1024)
def text_width(words: str) -> float:
    """Returns the width of a line of text in the pictures' type."""
    return TextPath((0, 0), words, size=TYPE).get_extents().width


def widest(names: Iterable[str]) -> float:
    """The width of the widest of these names, shortened."""
    return max(map(text_width, short_names(names).values()), default=0.0)


def plan_styles(plans: Iterable[str]) -> dict[str, dict]:
    """Returns plan → colour, marker and dashes; the last two distinguish plans in greyscale."""
    return {
        name: {
            "color": COLOURS[index % len(COLOURS)],
            "marker": MARKERS[index % len(MARKERS)],
            "linestyle": LINES[(index + index // len(MARKERS)) % len(LINES)],
        }
        for index, name in enumerate(plans)
    }


def label_at_right(
    axes: Axes, ends: Mapping[str, Place], styles: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes names and markers in a column to the right of the panel, each joined to its place."""
    width, height = axes.bbox.size
    heights = spread([y for _, y in _in_points(axes, ends.values())], gap=12, high=height)
    names = short_names(ends)
    for (name, end), y in zip(ends.items(), heights, strict=True):
        key = (width + 18, y)
        _join(axes, "", end, key)
        axes.plot(
            *(key[0] / width, y / height),
            transform=axes.transAxes,
            clip_on=False,
            markersize=4,
            **styles[name],
        )
        axes.annotate(
            names[name],
            key,
            (6, 0),
            xycoords="axes points",
            textcoords="offset points",
            va="center",
        )


def label_nearby(
    axes: Axes, points: Mapping[str, Place], *, clear_of: Sequence[Segment] = ()
) -> None:
    """Writes names beside their points, clear of other labels, markers and segments."""
    anchors = _in_points(axes, points.values())
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in anchors]
    for segment in clear_of:
        (left, right), (low, high) = map(sorted, zip(*_in_points(axes, segment), strict=True))
        taken.append((left - 1, low - 1, right + 1, high + 1))
    names = short_names(points)
    sizes = [(text_width(names[name]), TYPE + 1) for name in points]
    width, height = axes.bbox.size
    places = free_places(anchors, sizes, taken=taken, room=(width, height))
    for name, place in zip(points, places, strict=True):
        _join(axes, names[name], points[name], place, va="bottom")


def spread(wanted: Sequence[float], *, gap: float, high: float) -> list[float]:
    """Returns places in [0, high], at least `gap` apart, near the wanted ones and in their order.

    If they do not fit, they keep the gap and run below 0.

    Example:

    >>> spread([50.0, 10.0, 51.0], gap=10, high=60)
    [50.0, 10.0, 60.0]
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places: dict[int, float] = {}
    lowest = 0.0
    for index in order:
        places[index] = max(wanted[index], lowest)
        lowest = places[index] + gap
    highest = high
    for index in reversed(order):
        places[index] = min(places[index], highest)
        highest = places[index] - gap
    return [places[index] for index in range(len(wanted))]


def free_places(
    anchors: Sequence[Place],
    sizes: Sequence[Place],
    *,
    taken: Sequence[Box],
    room: Place,
) -> list[Place]:
    """Finds a place for each label near its anchor, clear of the drawing and of other labels.

    Each label in turn takes the nearest place with the least overlap: with `taken`, with labels
    placed before it, and with the outside of the room. The last two weigh ten times as much.

    Args:
        anchors: the points that the labels name, `(x, y)`.
        sizes: the labels' `(width, height)`.
        taken: boxes that labels should not cover.
        room: width and height of the panel, from (0, 0).

    Returns:
        The labels' lower left corners.
    """
    placed: list[Box] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        boxes = _places_around(anchor, size)
        crowding = [_crowding(box, placed, taken, room) for box in boxes]
        placed.append(boxes[crowding.index(min(crowding))])
    return [(box[0], box[1]) for box in placed]


def overlap(one: Box, other: Box) -> float:
    """Returns the area that two boxes `(left, bottom, right, top)` share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _join(axes: Axes, words: str, at: Place, place: Place, **kwargs: Any) -> None:
    line = {"arrowstyle": "-", "color": PALE, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 4}
    axes.annotate(words, at, place, textcoords="axes points", arrowprops=line, **kwargs)


def _in_points(axes: Axes, places: Iterable[Place]) -> list[Place]:
    """Converts data units to points from the panel's lower left corner, and fixes its limits."""
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    corner = axes.bbox.min
    return [tuple(axes.transData.transform(place) - corner) for place in places]


def _places_around(anchor: Place, size: Place) -> list[Box]:
    """Returns boxes in eight directions at growing distances, nearest first."""
    directions = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    boxes = []
    for distance in (7, 12, 18, 26, 36, 48, 62, 78):
        for x, y in directions:
            left = anchor[0] + x * distance + (x - 1) / 2 * size[0]
            bottom = anchor[1] + y * distance + (y - 1) / 2 * size[1]
            boxes.append((left, bottom, left + size[0], bottom + size[1]))
    return boxes


def _crowding(box: Box, placed: Sequence[Box], taken: Sequence[Box], room: Place) -> float:
    area = (box[2] - box[0]) * (box[3] - box[1])
    outside = area - overlap(box, (0, 0, *room))
    hidden = sum(overlap(box, other) for other in placed) + outside
    return 10 * hidden + sum(overlap(box, other) for other in taken)
