"""The pictures, by the artists in their figures."""

import pytest
from matplotlib.text import Text

from mtl_keras.experiments import plots
from mtl_keras.reports.drawing import PAPER, overlap, to_svg


def _words(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def _extents(figure, axes) -> list[tuple]:
    """The boxes of the words, without the lines that join them to what they name."""
    to_svg(figure)
    return [tuple(Text.get_window_extent(text).extents) for text in axes.texts if text.get_text()]


def _report(means: dict[str, tuple[float, float]], metric: str = "accuracy", interval=0.01) -> dict:
    """A report of plans with these wall times and means of one task."""
    plans = {
        name: {
            "wall_seconds": seconds,
            "tasks": {"topic": {"metric": metric, "mean": mean, "interval": interval}},
            "drift": {},
        }
        for name, (seconds, mean) in means.items()
    }
    return {"tasks": {"topic": {"metric": metric}}, "plans": plans}


@pytest.mark.parametrize(("metric", "filled"), [("accuracy", {"a", "c"}), ("mae", {"a", "b"})])
def test_the_front_is_filled_and_knows_which_way_is_better(metric, filled):
    report = _report({"a": (1, 0.5), "b": (2, 0.4), "c": (3, 0.6)}, metric)
    axes = plots.score_against_cost(report, "topic").axes[0]
    markers = [line for line in axes.lines if line.get_marker() in "os^"]
    looks = dict(zip("abc", markers, strict=True))
    actual = {name for name, line in looks.items() if line.get_markerfacecolor() != PAPER}
    assert actual == filled
    assert _words(axes) == ["a", "b", "c"]


def test_one_seed_has_no_bars():
    figures = [
        plots.score_against_cost(_report({"a": (1, 0.5)}, interval=interval), "topic")
        for interval in (None, 0.01)
    ]
    assert [len(figure.axes[0].collections) for figure in figures] == [0, 1]


def test_an_undefined_score_has_no_point():
    report = _report({"a": (1, 0.5), "b": (2, None)})
    (point,) = plots.score_against_cost(report, "topic").axes[0].containers
    assert point.lines[0].get_xydata().tolist() == [[1.0, 0.5]]


def test_labels_of_crowded_points_do_not_overlap():
    means = {f"a_long_plan_{n:02}": (100 + n % 3, 0.9 + 0.001 * n) for n in range(12)}
    figure = plots.score_against_cost(_report(means), "topic")
    boxes = _extents(figure, figure.axes[0])
    assert len(boxes) == 12
    for place, box in enumerate(boxes):
        assert all(overlap(box, other) < 2 for other in boxes[:place])


def test_drift_has_two_bars_a_plan_and_a_panel_a_task():
    report = _report({"a": (1, 0.5), "b": (2, 0.4)})
    report["plans"]["a"]["drift"] = {"topic": {"flipped": 0.2, "cka": 0.9}}
    report["plans"]["b"]["drift"] = {
        "topic": {"flipped": 0.0, "cka": 1.0},
        "x": {"flipped": 0.1, "cka": 0.7},
    }
    *panels, _ = plots.drift_bars(report).axes
    widths = [[round(bar.get_width(), 9) for bar in axes.patches] for axes in panels]
    assert widths == [[0.0, 0.0, 0.2, 0.1], [0.1, 0.3]]
    assert [bool(bar.get_hatch()) for bar in panels[0].patches] == [False, True, False, True]


def test_the_whole_house_keeps_its_own_style():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.score_against_cost(_report({"a": (1, 0.5)}), "topic")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", ["$x_1$ & <b>", "計画", "a very long name that goes on and on"])
def test_any_name_can_be_drawn(name):
    to_svg(plots.score_against_cost(_report({name: (1, 0.5)}), "topic"))
