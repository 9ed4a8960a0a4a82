"""The page of a finished run."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.browser import CONTRASTS, chromium, needs_chromium
from support.places import TESTS

from mtl_keras.errors import InputError
from mtl_keras.runs.run import REPORT, Run

pytestmark = pytest.mark.slow
SECTIONS = [
    "Verdict",
    "Learning curves",
    "topic: answers",
    "entities: answers",
    "What trained",
    "Drift",
    "Texts that were cut",
    "All metrics",
    "Cost",
]


# What a page stands on, and what its pictures stand on.
GROUND = "getComputedStyle(document.body).backgroundColor"
GROUNDS = """[...new Set([...document.querySelectorAll("figure svg path:first-of-type")]
  .filter(path => path.parentElement.id.endsWith("patch_1"))
  .map(path => getComputedStyle(path).fill))]"""


def page_of(folder: Path) -> ElementTree.Element:
    html = (folder / REPORT).read_text(encoding="utf-8")
    return ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def headings(page: ElementTree.Element) -> list[str]:
    return [heading.text for heading in page.iter("h2")]


def test_training_ends_with_the_page(trained):
    page, scores = page_of(trained), Run.open(trained).scores["test"]
    assert headings(page) == SECTIONS
    text = words(page)
    assert f"topic: accuracy {scores['topic']['accuracy']:.3f} (95% interval" in text
    assert "of always answering no span." in text
    assert "The run ended with the weights of epoch" in text
    assert (trained / REPORT).stat().st_size < 1_000_000


def test_the_page_needs_nothing_else(trained):
    html = (trained / REPORT).read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|<script|url\((?!#)", html)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len({*ids})


def test_python_writes_the_same_page_again(trained, tmp_path):
    run = Run(shutil.copytree(trained, tmp_path / "run"))
    before = (run.folder / REPORT).read_text(encoding="utf-8")
    (run.folder / REPORT).unlink()
    assert run.report() == run.folder / REPORT
    assert (run.folder / REPORT).read_text(encoding="utf-8") == before


def test_a_run_of_0_1_0_whose_data_are_gone_shows_what_it_kept(tmp_path):
    run = Run(shutil.copytree(TESTS / "files_of_0_1_0" / "run", tmp_path / "run"))
    run.write_json("run.json", run.read_json("run.json") | {"recipe_folder": str(tmp_path)})
    run.report()
    page = page_of(run.folder)
    assert "Left out of this page" in headings(page)
    assert "topic: answers" not in headings(page)
    text = words(page)
    assert "mistakes and answers without reading: " in text
    assert re.search(r"topic: accuracy 0\.\d{3}", text)


def test_an_unfinished_run_is_named(tmp_path):
    with pytest.raises(InputError, match="no finished run here"):
        Run(tmp_path).report()


@needs_chromium
def test_the_page_is_legible_on_a_phone_and_wide_light_and_dark(trained):
    for browser in chromium():
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": 900}, color_scheme=scheme
                )
                page = context.new_page()
                page.goto((trained / REPORT).resolve().as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                hidden = page.evaluate(
                    "[...document.querySelectorAll('.scroll')]"
                    ".filter(e => e.scrollWidth > e.clientWidth + 1).length"
                )
                assert width < 1000 or not hidden
                pale = [html for contrast, html in page.evaluate(CONTRASTS) if contrast < 4.5]
                assert not [html for html in pale if "tspan" not in html and "<text" not in html]
                assert page.evaluate(GROUNDS) == [page.evaluate(GROUND)]
                context.close()
