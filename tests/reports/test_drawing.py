"""Labels keep clear of one another, and a figure is shown anywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_keras.reports.drawing import (
    add_panel,
    blank_figure,
    free_places,
    overlap,
    plan_styles,
    spread,
    to_svg,
    widest,
    write,
)


@given(st.lists(st.floats(0, 100), max_size=8))
def test_spread_keeps_the_gap_the_order_and_the_room(wanted):
    places = spread(wanted, gap=10, high=100)
    pairs = sorted(zip(wanted, places, strict=True))
    for (_, low), (_, high) in pairwise(pairs):
        assert high - low >= 10 - 1e-9
    assert all(0 <= place <= 100 for place in places)


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200)), max_size=6))
def test_labels_keep_clear_of_one_another_and_inside(anchors):
    size = (50, 10)
    places = free_places(anchors, [size] * len(anchors), taken=[], room=(200, 200))
    boxes = [(x, y, x + size[0], y + size[1]) for x, y in places]
    for place, box in enumerate(boxes):
        assert overlap(box, (0, 0, 200, 200)) == pytest.approx(500)
        assert all(overlap(box, other) < 1e-6 for other in boxes[:place])


def test_a_notebook_shows_a_figure_without_pyplot():
    assert blank_figure(50)._repr_svg_() == to_svg(blank_figure(50))
    assert to_svg(blank_figure(50)).startswith("<?xml")


def test_a_name_is_as_wide_as_it_is_drawn():
    assert widest(["a", "b" * 40]) == widest(["b" * 41])


def test_a_panel_stands_where_it_is_put():
    figure = blank_figure(100, "title")
    axes = add_panel(figure, 20, 10, 50, 40)
    assert axes.bbox.bounds == pytest.approx((20, 10, 50, 40))
    write(axes, "word", (0.5, 0.5))
    assert [text.get_text() for text in axes.texts] == ["word"]


def test_plans_look_different_in_colour_and_in_grey():
    styles = plan_styles([f"plan {number}" for number in range(40)])
    assert len({style["color"] for style in styles.values()}) == 12
    assert len({(style["marker"], style["linestyle"]) for style in styles.values()}) == 40
