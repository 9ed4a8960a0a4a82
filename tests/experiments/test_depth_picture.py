"""Score over depth: the picture and the table of a comparison's report."""

import pytest
from support.comparison_report import make_report

from mtl_keras.experiments.depth_picture import depth_section, scores_over_depth
from mtl_keras.experiments.report import render_html, render_markdown
from mtl_keras.reports.drawing import to_svg


def of_task(metric: str, values: list[float | None], reads: str) -> dict:
    names = ["embeddings", *(f"block_{number}" for number in range(len(values) - 1))]
    levels = [
        {
            "level": name,
            "held_out": {metric: value},
            "scored": {
                "value": value,
                "low": None if value is None else value - 0.1,
                "high": None if value is None else value + 0.1,
            },
        }
        for name, value in zip(names, values, strict=True)
    ]
    return {"metric": metric, "reads": reads, "levels": levels}


@pytest.fixture
def report() -> dict:
    depth = {
        "topic": of_task("accuracy", [0.5, 0.7, 0.625], "block_0"),
        "tone": of_task("accuracy", [0.4, 0.5, 0.6], "block_1"),
        "price": of_task("mae", [None, 12.5, 13.0], "block_0"),
    }
    return make_report() | {"depth": depth}


def test_the_table_has_a_row_a_level_and_the_chosen_block_in_bold(report):
    table = depth_section(report).table
    assert table.header[:3] == ("level", "topic: accuracy ↑", "topic: held out")
    first, second, _ = table.rows
    assert [cell.text for cell in first[:2]] == ["embeddings", "0.500 (0.400 to 0.600)"]
    assert [cell.text for cell in first[5:]] == ["–", "–"]
    assert [cell.strong for cell in second] == [False, True, False, False, False, True, False]


def test_a_metric_has_a_panel_a_task_a_line_and_a_ring_around_what_it_reads(report):
    figure = scores_over_depth(report["depth"])
    accuracy, mae = figure.axes
    assert [axes.get_title(loc="center") for axes in figure.axes] == ["accuracy ↑", "mae ↓"]
    assert len(accuracy.containers) == 2
    assert len(mae.containers) == 1
    rings = [line for line in accuracy.lines if line.get_markersize() == 11]
    assert [round(float(ring.get_ydata()[0]), 3) for ring in rings] == [0.7, 0.6]
    assert [tick.get_text() for tick in mae.get_xticklabels()] == ["e", "0", "1"]
    assert "<svg" in to_svg(figure)


def test_the_report_has_the_section_only_if_it_was_measured(report):
    assert "## Score over depth" in render_markdown(report)
    assert "<h2>Score over depth</h2>" in render_html(report)
    old = make_report()
    assert "Score over depth" not in render_markdown(old) + render_html(old)
