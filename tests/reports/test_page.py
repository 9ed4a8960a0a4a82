"""A page in one file: its sections, its tables, and ids that are the page's only ones."""

import re

import pytest
from matplotlib.lines import Line2D
from support.contrasts import too_pale

from mtl_keras.reports.answer_pictures import calibration_curve, numbers_cloud
from mtl_keras.reports.drawing import blank_figure
from mtl_keras.reports.page import Picture, render_page, render_section
from mtl_keras.reports.tables import Cell, Section, Table
from mtl_keras.reports.training_pictures import learning_curves, trainability_grid

RATES = [None, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2]


def test_a_section_with_nothing_to_show_is_left_out():
    assert render_section(Section("Drift", "None."), [], 1) == ""


def test_ids_of_pictures_differ_between_sections():
    picture = Picture(blank_figure(50, "title"), "title", "caption")
    sections = [render_section(Section("A", ""), [picture, picture], n) for n in (1, 2)]
    ids = re.findall(r'\bid="([^"]*)"', render_page("page", "", sections))
    assert ids
    assert len(ids) == len({*ids})


@pytest.mark.parametrize(
    "figure",
    [
        learning_curves({f"plan {n}": {"topic": [[n, n + 1]]} for n in range(12)}, "topic", "mae"),
        learning_curves({"a": {"topic": [[0.5, 0.75]]}}, "topic", "accuracy", borders=[1.5]),
        trainability_grid(
            {"groups": [*"abcdefg"], "stages": [{"epochs": 1, "rates": RATES}]}, title="rates"
        ),
        calibration_curve([{"count": 3, "confidence": 0.4, "right": 0.5}]),
        numbers_cloud([(1.0, 1.5), (2.0, 1.75)]),
    ],
    ids=["twelve plans", "one plan", "rates", "calibration", "numbers"],
)
def test_a_picture_is_legible_on_a_light_page_and_on_a_dark_one(figure):
    page = render_section(Section("A", ""), [Picture(figure, "title", "caption")], 1)
    assert too_pale(page) == []


def test_a_pale_line_is_found():
    figure = blank_figure(50)
    figure.add_artist(Line2D([0, 1], [0, 1], color="#cccccc"))
    [pale] = too_pale(render_section(Section("A", ""), [Picture(figure, "title", "")], 1))
    assert pale == ("line", "#cccccc", "var(--paper)", 1.61)


def test_the_first_cell_of_a_row_is_its_header():
    table = Table(("label", "F1"), [(Cell("<a>"), Cell("0.5", strong=True))])
    html = render_section(Section("Labels", "", table), [], 1)
    assert '<th scope="row" class="name">&lt;a&gt;</th><td><strong>0.5</strong></td>' in html
