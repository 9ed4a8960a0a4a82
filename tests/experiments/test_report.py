"""The report's three files: the same figures, whole, safe and for themselves."""

import copy
import json
import re
from xml.etree import ElementTree

import pytest
from support.comparison_report import make_report, scored
from support.contrasts import too_pale
from support.hostile import LABELS, hidden

from mtl_keras.display import in_markdown, one_line
from mtl_keras.errors import WorkError
from mtl_keras.experiments.report import render_html, render_markdown, write_report


@pytest.fixture
def report() -> dict:
    return make_report()


def _rows(html: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    body = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n")).find("body")
    section = next(element for element in body.iter("section") if element.findtext("h2") == heading)
    return [["".join(cell.itertext()) for cell in row] for row in section.iter("tr")]


def _headings(html: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", html)


@pytest.mark.slow
def test_the_files_hold_the_report(report, tmp_path):
    write_report(tmp_path, report)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == report
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == render_markdown(report)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render_html(report)


@pytest.mark.slow
def test_the_scores_say_mean_interval_and_cost(report):
    assert _rows(render_html(report), "Scores and costs") == [
        ["plan", "topic: accuracy ↑", "price: mae ↓", "trainable parameters", "epochs",
         "s/step", "wall time", "peak memory"],
        ["features", "0.800 ± 0.010", "12.5 ± 0.0", "0", "2", "–", "30.0 s", "1.50 GB"],
        ["full", "0.900 ± 0.010", "10.5 ± 0.0", "1,234", "2", "0.250", "5.0 min", "1.50 GB"],
    ]  # fmt: skip


def test_the_best_mean_is_bold_in_either_direction(report):
    text = render_markdown(report)
    assert "| full | **0.900 ± 0.010** | **10.5 ± 0.0** |" in text
    assert "| features | 0.800 ± 0.010 | 12.5 ± 0.0 |" in text


def test_single_task_stands_beside_multi_task(report):
    text = render_markdown(report)
    assert "| full | topic | 0.900 ± 0.010 | 0.920 ± 0.010 | −0.020 |" in text
    assert "| full | price | 10.5 ± 0.0 | 11.0 ± 0.0 | −0.5 |" in text
    assert "| features | topic |" not in text


def test_drift_and_stages_are_reported(report):
    text = render_markdown(report)
    assert "| full | topic | 0.900 | 0.800 | 0.125 | 0.750 | 0.500 |" in text
    assert "| full | backbone (2) |" in text


def test_the_summary_says_seeds_split_and_what_the_interval_is(report):
    assert "on the test split with 2 seeds (3, 4)" in render_markdown(report)
    assert "half-width of their 95% t-interval" in render_html(report)


def test_one_seed_shows_no_interval_and_says_so(report):
    report["seeds"] = [3]
    for plan in report["plans"].values():
        plan["tasks"] = {
            name: scored(task["metric"], task["mean"], seeds=1)
            for name, task in plan["tasks"].items()
        }
    for text in (render_markdown(report), render_html(report)):
        assert "one seed (3): no interval can be shown" in text
        assert "±" not in text
        assert "intervals" not in text


def test_what_is_not_there_has_no_section(report):
    del report["plans"]["full"]
    headings = _headings(render_html(report))
    assert headings == ["Scores and costs", "Stages", "Tasks"]


def test_a_plan_without_a_stage_has_no_picture_of_one(report):
    report["plans"]["full"]["grid"]["stages"] = []
    assert "full: learning rate of each layer group" not in render_html(report)
    assert "| full | – |" in render_markdown(report)


def test_no_table_says_none_or_nan(report):
    for text in (render_markdown(report), re.sub("<svg.*?</svg>", "", render_html(report))):
        assert not re.search(r"\b(None|nan|NaN|inf)\b", text)


def test_every_plan_and_task_has_its_pictures(report):
    html = render_html(report)
    page = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    titles = [svg.findtext("title") for svg in page.iter("svg")]
    assert titles == [
        "topic: accuracy by wall time",
        "price: mae by wall time",
        "drift of each protected task under each plan",
        "topic: validation accuracy by epoch",
        "features: learning rate of each layer group in each stage",
        "full: learning rate of each layer group in each stage",
    ]
    assert all(figure.findtext("figcaption") for figure in page.iter("figure"))


def test_the_page_needs_nothing_else(report):
    html = render_html(report)
    page = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    links = [
        value
        for element in page.iter()
        for key, value in element.items()
        if key.rpartition("}")[2] in ("href", "src", "srcset", "data", "action")
    ]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"https?:|@import|<script|url\((?!#)", html)


def test_ids_are_unique_and_every_reference_has_one(report):
    html = render_html(report)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    used = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)|labelledby="([^"]*)"', html)
    assert used
    assert {"".join(parts) for parts in used} <= set(ids)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["<script>|`*_$\n[a](b)&\"'", " ".join(LABELS)])
def test_names_cannot_break_out(report, name):
    report["title"] = report["encoder"] = name
    report["plans"] = {name: report["plans"]["full"], "other": report["plans"]["features"]}
    html, text = render_html(report), render_markdown(report)
    assert "<script" not in html
    assert hidden(html) == hidden(text) == set()
    assert _rows(html, "Scores and costs")[1][0] == one_line(name)
    row = next(line for line in text.splitlines() if "**0.900" in line)
    assert row.startswith(f"| {in_markdown(name)} | **0.900")


def test_an_undefined_metric_is_no_figure_and_the_report_says_so(report):
    for plan in report["plans"].values():
        plan["tasks"]["price"] = {"values": [None], "mean": None, "interval": None, "metric": "mae"}
        plan["tasks"]["price"] |= {"single": None, "sharing": None}
    report["plans"]["full"]["tasks"]["topic"] |= {"sharing": None}
    html = render_html(report)
    assert _rows(html, "Scores and costs")[1][2] == "–"
    assert "the metric is undefined" in html
    assert "price: mae by wall time" not in html


@pytest.mark.slow
def test_the_same_report_makes_the_same_bytes(report):
    assert render_html(report) == render_html(copy.deepcopy(report))


def test_what_is_not_a_number_is_refused_by_its_place(report, tmp_path):
    report["plans"]["full"]["tasks"]["price"]["values"][1] = float("nan")
    with pytest.raises(WorkError, match=r"report.plans.full.tasks.price.values.1 is nan"):
        write_report(tmp_path, report)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_one_line(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match=r"file/report.json: cannot be written: "):
        write_report(tmp_path / "file", report)


@pytest.mark.slow
def test_the_pictures_are_legible_on_a_light_page_and_on_a_dark_one(report):
    page = render_html(report)
    assert too_pale(page) == []
