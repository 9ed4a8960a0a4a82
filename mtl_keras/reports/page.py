"""A page in one file: sections with tables and pictures, no script, no network."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from matplotlib.figure import Figure

from mtl_keras.display import in_html, one_line
from mtl_keras.reports.drawing import GRID, INK, PALE, PAPER, to_svg
from mtl_keras.reports.tables import Cell, Section, Table

STYLE_SHEET = """
:root { color-scheme: light dark; --ink: #1d1d1f; --soft: #5c5c62; --paper: #ffffff;
  --line: #d9d9de; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececee; --soft: #a9a9b0; --paper: #17171a; --line: #3c3c42; }
}
body { margin: 0 auto; max-width: 72rem; padding: 0.5rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.3rem; }
p { max-width: 44rem; margin: 0.4rem 0 0.8rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; vertical-align: top; }
th { font-weight: 600; }
thead th { white-space: normal; vertical-align: bottom; }
.name { text-align: left; }
td.words { white-space: normal; text-align: left; }
th:first-child { position: sticky; left: 0; background: var(--paper); padding-left: 0; }
@media (max-width: 40rem) {
  table { font-size: 0.85rem; }
  th, td { padding: 0.3rem 0.4rem; white-space: normal; }
  th:first-child { min-width: 7.5rem; white-space: normal; overflow-wrap: anywhere; }
}
.pictures { display: grid; gap: 1.2rem; margin-top: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
h3 { font-size: 1rem; margin: 1.4rem 0 0.3rem; overflow-wrap: anywhere; }
li { max-width: 44rem; margin: 0.3rem 0; overflow-wrap: anywhere; }
.matrix td { min-width: 1.6rem; padding: 0.3rem 0.35rem; text-align: center;
  background: color-mix(in srgb, var(--ink) calc(var(--share, 0) * 36%), var(--paper)); }
.matrix td.right { outline: 1px solid var(--soft); outline-offset: -1px; font-weight: 600; }
.matrix thead th:not(:first-child) { writing-mode: vertical-rl; transform: rotate(180deg);
  max-height: 11rem; padding: 0.35rem 0.2rem; text-align: left; vertical-align: top;
  border-bottom: 0; overflow-wrap: anywhere; }
.matrix tbody th { white-space: normal; overflow-wrap: anywhere; max-width: 14rem; }
.beside { display: flex; flex-wrap: wrap; gap: 0 3rem; }
.beside > div { max-width: 100%; }
.mistakes q { quotes: none; }
.mistakes small { color: var(--soft); }
figure { margin: 0; max-width: 26rem; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { margin-top: 0.3rem; color: var(--soft); font-size: 0.85rem; overflow-wrap: anywhere; }
"""
# The page asks nobody for anything, and says so to the browser.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# Colours of a picture → those of the page, which follow the reader's light or dark scheme.
OF_PAGE = {
    INK: "var(--ink)",
    PALE: "var(--soft)",
    GRID: "var(--line)",
    PAPER: "var(--paper)",
}
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"


class Picture(NamedTuple):
    """A figure, its name for who cannot see it, and a sentence on what it shows."""

    figure: Figure
    title: str
    caption: str


def render_page(title: str, summary: str, sections: Iterable[str]) -> str:
    """A document of these sections, which are HTML, under a heading and a sentence."""
    name = in_html(title)
    parts = "\n".join(filter(None, sections))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>
<title>{name}</title>
<style>{STYLE_SHEET}</style>
</head>
<body>
<h1>{name}</h1>
<p>{in_html(summary)}</p>
{parts}
</body>
</html>
"""


def render_section(section: Section, pictures: Sequence[Picture], number: int) -> str:
    """A section with its table and its pictures; empty if it has neither.

    Args:
        section: what it says.
        pictures: below its table.
        number: of the section, by which the ids in its pictures are the page's only ones.
    """
    if not (section.table or pictures):
        return ""
    table = html_table(section.table) if section.table else ""
    return html_section(section.heading, section.note, table, html_pictures(pictures, number))


def html_section(heading: str, note: str, *blocks: str) -> str:
    """Returns a section: a heading, a sentence, and blocks, which are HTML."""
    below = "\n".join(filter(None, blocks))
    return f"<section>\n<h2>{in_html(heading)}</h2>\n<p>{in_html(note)}</p>\n{below}\n</section>"


def html_pictures(pictures: Sequence[Picture], number: int) -> str:
    """Returns pictures side by side, as many as fit; `number` is that of the section."""
    figures = "\n".join(
        _html_picture(picture, f"picture-{number}-{place}")
        for place, picture in enumerate(pictures)
    )
    return f'<div class="pictures">{figures}</div>'


def html_table(table: Table) -> str:
    """A table that scrolls by itself if the screen is too narrow for it."""
    header = [
        _html_cell(Cell(name), place, table, "col") for place, name in enumerate(table.header)
    ]
    rows = [
        [_html_cell(cell, place, table, "row") for place, cell in enumerate(row)]
        for row in table.rows
    ]
    head, *body = (f"<tr>{''.join(cells)}</tr>" for cells in (header, *rows))
    lines = "\n".join(body)
    return (
        f'<div class="scroll" tabindex="0"><table>\n<thead>{head}</thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n</table></div>"
    )


def _html_cell(cell: Cell, place: int, table: Table, scope: str) -> str:
    is_name = ' class="name"' if place < table.names else ' class="words"' if cell.wraps else ""
    text = f"<strong>{in_html(cell.text)}</strong>" if cell.strong else in_html(cell.text)
    if scope == "col" or place == 0:
        return f'<th scope="{scope}"{is_name}>{text}</th>'
    return f"<td{is_name}>{text}</td>"


def _html_picture(picture: Picture, name: str) -> str:
    svg = _inline_svg(to_svg(picture.figure), name, picture.title)
    return f"<figure>{svg}<figcaption>{in_html(picture.caption)}</figcaption></figure>"


def _inline_svg(document: str, name: str, title: str) -> str:
    """An SVG element for a page, in its colours, its ids the only ones by the name before them."""
    root = ElementTree.fromstring(document)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        for key, value in list(element.items()):
            coloured = re.sub("#[0-9a-f]{6}", lambda found: OF_PAGE.get(found[0], found[0]), value)
            element.set(key, re.sub(r"url\(#", f"url(#{name}-", coloured))
        if "id" in element.attrib:
            element.set("id", f"{name}-{element.get('id')}")
        if LINK in element.attrib:
            element.set("href", f"#{name}-{element.attrib.pop(LINK).removeprefix('#')}")
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title"}
    words = ElementTree.Element("title", {"id": f"{name}-title"})
    words.text = one_line(title)
    root.insert(0, words)
    return ElementTree.tostring(root, encoding="unicode")
