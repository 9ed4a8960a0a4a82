"""The pictures of a training, by the artists in their figures."""

import pytest
from matplotlib.text import Text

from mtl_keras.reports.drawing import to_svg
from mtl_keras.reports.training_pictures import learning_curves, trainability_grid

GROUPS = ["embeddings", "block_0", "block_1", "heads/topic"]
GRID = {
    "groups": GROUPS,
    "stages": [
        {"freeze": "backbone", "epochs": 1, "rates": [None, None, None, 1e-3]},
        {"freeze": "top:1", "epochs": 3, "rates": [None, None, 2.7e-4, 1e-3]},
    ],
}


def _words(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def _extents(figure, axes) -> list[tuple]:
    """The boxes of the words, without the lines that join them to what they name."""
    to_svg(figure)
    return [tuple(Text.get_window_extent(text).extents) for text in axes.texts if text.get_text()]


def test_frozen_cells_are_hatched_and_the_others_say_their_rate():
    axes = trainability_grid(GRID, title="two stages").axes[0]
    cells = {(patch.get_x(), patch.get_y()): patch for patch in axes.patches}
    for column, stage in enumerate(GRID["stages"]):
        for row, rate in enumerate(stage["rates"]):
            assert bool(cells[column, row].get_hatch()) == (rate is None)
    assert sorted(word for word in _words(axes) if "e-" in word) == ["1e-3", "1e-3", "2.7e-4"]
    assert set(GROUPS) <= set(_words(axes))


def test_a_higher_rate_is_lighter():
    rates = [1e-5, 1e-4, 1e-3, 1e-2]
    grid = {"groups": list("abcd"), "stages": [{"epochs": 1, "rates": rates}]}
    axes = trainability_grid(grid, title="rates").axes[0]
    light = [
        0.3 * red + 0.6 * green + 0.1 * blue
        for red, green, blue, _ in (patch.get_facecolor() for patch in axes.patches)
    ]
    assert light == sorted(light)


@pytest.mark.parametrize("stages", [1, 7, 13])
def test_the_rates_fit_their_cells(stages):
    grid = {"groups": GROUPS, "stages": [{"epochs": 1, "rates": [4.5e-5] * 4}] * stages}
    figure = trainability_grid(grid, title="many stages")
    axes = figure.axes[0]
    to_svg(figure)
    for text in axes.texts:
        if "e-" in text.get_text():
            box = text.get_window_extent()
            assert box.width < axes.bbox.width / stages
            assert box.height < axes.bbox.height / len(GROUPS)


def test_a_curve_is_the_mean_in_a_band_of_the_seeds():
    curves = {"slow": {"topic": [[0.1, 0.3], [0.3, 0.5, 0.6]]}, "features": {}}
    axes = learning_curves(curves, "topic", "accuracy").axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[1, 0.2], [2, 0.4], [3, 0.6]]
    band = axes.collections[0].get_paths()[0].get_extents()
    assert band.extents.tolist() == [1, 0.1, 3, 0.6]
    assert _words(axes) == ["slow"]


def test_twelve_lines_can_be_told_apart_without_colour():
    curves = {f"plan {n}": {"topic": [[n, n + 1]]} for n in range(12)}
    lines = learning_curves(curves, "topic", "mae").axes[0].lines[:12]
    looks = {(line.get_marker(), line.get_linestyle()) for line in lines}
    assert len(looks) == 12


@pytest.mark.parametrize("name", ["$x_1$ & <b>", "計画", "a very long name that goes on and on"])
def test_any_name_can_be_drawn(name):
    to_svg(learning_curves({name: {"topic": [[1.0]]}}, "topic", "mae"))
    to_svg(trainability_grid(GRID, title=name))


def test_an_undefined_score_has_no_place_in_a_curve():
    curves = {"a": {"topic": [[None, 0.5, 0.75]]}, "b": {"topic": [[None]]}}
    line, *_ = learning_curves(curves, "topic", "span_f1").axes[0].lines
    assert line.get_xydata().tolist() == [[2.0, 0.5], [3.0, 0.75]]
