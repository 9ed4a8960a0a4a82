"""A page in one file: its sections, its tables, and ids that are the page's only ones."""

import re

from mtl_keras.reports.drawing import blank_figure
from mtl_keras.reports.page import Picture, render_page, render_section
from mtl_keras.reports.tables import Cell, Section, Table


def test_a_section_with_nothing_to_show_is_left_out():
    assert render_section(Section("Drift", "None."), [], 1) == ""


def test_ids_of_pictures_differ_between_sections():
    picture = Picture(blank_figure(50, "title"), "title", "caption")
    sections = [render_section(Section("A", ""), [picture, picture], n) for n in (1, 2)]
    ids = re.findall(r'\bid="([^"]*)"', render_page("page", "", sections))
    assert ids
    assert len(ids) == len({*ids})


def test_the_first_cell_of_a_row_is_its_header():
    table = Table(("label", "F1"), [(Cell("<a>"), Cell("0.5", strong=True))])
    html = render_section(Section("Labels", "", table), [], 1)
    assert '<th scope="row" class="name">&lt;a&gt;</th><td><strong>0.5</strong></td>' in html
