"""The report of a comparison: JSON for programs, Markdown, and one page with its pictures."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from matplotlib.figure import Figure

from mtl_keras.display import in_html, in_markdown, one_line
from mtl_keras.errors import WorkError
from mtl_keras.experiments.conclusions import html_conclusions, markdown_conclusions
from mtl_keras.experiments.depth_picture import depth_section, scores_over_depth
from mtl_keras.experiments.drawing import short, to_svg
from mtl_keras.experiments.fronts import plans_on_front
from mtl_keras.experiments.plots import (
    drift_bars,
    learning_curves,
    score_against_cost,
    trainability_grid,
)
from mtl_keras.experiments.rates_table import rates_section
from mtl_keras.experiments.tables import (
    Cell,
    Section,
    Table,
    data,
    drift,
    heading,
    scores,
    sharing,
    stages,
    summary,
)
from mtl_keras.storage.writing import write_whole

STYLE_SHEET = """
:root { color-scheme: light dark; --ink: #1d1d1f; --soft: #5c5c62; --paper: #fff; --line: #d9d9de; }
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
.name { text-align: left; }
th:first-child { position: sticky; left: 0; background: var(--paper); padding-left: 0; }
@media (max-width: 40rem) {
  table { font-size: 0.85rem; }
  th:first-child { min-width: 7.5rem; white-space: normal; overflow-wrap: anywhere; }
}
.pictures { display: grid; gap: 1.2rem; margin-top: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
figure { margin: 0; max-width: 26rem; }
figure svg { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { margin-top: 0.3rem; color: var(--soft); font-size: 0.85rem; overflow-wrap: anywhere; }
"""
# The page asks nobody for anything, and says so to the browser.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"


class Picture(NamedTuple):
    """A figure, its name for who cannot see it, and a sentence on what it shows."""

    figure: Figure
    title: str
    caption: str


def write_report(folder: Path, report: Mapping) -> None:
    """Writes `report.json`, `report.md` and `report.html`, each whole or not at all.

    Args:
        folder: where; it is made if it is absent.
        report: `title`, `encoder`, `seeds`, `split`, `budget`, `rates` (`running.rate_searches`);
            `tasks`: name → `kind`, `metric`, `examples` (split → count), `verdict` (see
            `differences.with_differences`);
            `plans`: name → `tasks` (name → `metric`, `values` a seed, `mean`, `interval`, the
            95% t-interval's half-width, `single`, the same of the task alone, `sharing`, mean of
            value - single value, `sharing_interval`, its `low` and `high`, `ece`, `low` and `high`,
            the 95% interval over the examples; each None if there is none),
            `trainable_parameters`, `step_seconds` or None, `wall_seconds`, `peak_memory_bytes`,
            `best_epochs`, `begins_with` (`job.run_job`, a value a seed), `drift`, `grid`, `curves`;
            `depth` if it was measured (`solving.depth.scored_depth`).

    Raises:
        WorkError: a figure is not a number, or a file cannot be written.
    """
    _check_finite(report, "report")
    # The figures first: they took hours, and the other two files can be made of them again.
    _write(folder / "report.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    _write(folder / "report.md", render_markdown(report))
    _write(folder / "report.html", render_html(report))


def render_markdown(report: Mapping) -> str:
    """The report's words and tables, in GitHub's Markdown."""
    blocks = [f"# {in_markdown(heading(report))}", in_markdown(summary(report))]
    for section, _ in _sections(report):
        if section.table:
            blocks += [f"## {in_markdown(section.heading)}", in_markdown(section.note)]
            blocks += [_markdown_table(section.table)]
    blocks += markdown_conclusions(report)
    blocks.append("The pictures are in report.html.")
    return "\n\n".join(blocks) + "\n"


def render_html(report: Mapping) -> str:
    """The report as one page that needs nothing else: no script, no network."""
    title = in_html(heading(report))
    sections = "\n".join(
        _html_section(section, list(draw(report)), number)
        for number, (section, draw) in enumerate(_sections(report), 1)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>
<title>{title}</title>
<style>{STYLE_SHEET}</style>
</head>
<body>
<h1>{title}</h1>
<p>{in_html(summary(report))}</p>
{sections}
{html_conclusions(report)}
</body>
</html>
"""


def _check_finite(value: object, place: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise WorkError(f"{place} is {value}: training diverged; lower its learning rates")
    if isinstance(value, Mapping | list):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            _check_finite(part, f"{place}.{key}")


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def _sections(report: Mapping) -> list[tuple[Section, Callable[[Mapping], Iterator[Picture]]]]:
    """The sections that have something to say, each with what draws its pictures."""
    curves = Section("Learning curves", "What the validation split showed while training.")
    sections = [
        (scores(report), _draw_costs),
        (depth_section(report), _draw_depth),
        (sharing(report), lambda _: iter(())),
        (drift(report), _draw_drift),
        (curves, _draw_curves),
        (stages(report), _draw_grids),
        (rates_section(report), lambda _: iter(())),
        (data(report), lambda _: iter(())),
    ]
    return [(part, draw) for part, draw in sections if part.table is None or part.table.rows]


def _draw_costs(report: Mapping) -> Iterator[Picture]:
    bars = " Bars are 95% intervals." if len(report["seeds"]) > 1 else ""
    for name, task in report["tasks"].items():
        front = ", ".join(plans_on_front(report, name))
        if not front:  # the metric is undefined under every plan
            continue
        yield Picture(
            score_against_cost(report, name),
            f"{name}: {task['metric']} by wall time",
            f"What each plan's score on {name} cost. The line joins those that no plan beats both "
            f"in time and in score: {front}.{bars}",
        )


def _draw_depth(report: Mapping) -> Iterator[Picture]:
    yield Picture(
        scores_over_depth(report["depth"]),
        "each task's score by the level that its head reads",
        "How well each task is read off every level of the frozen encoder. Bars are 95% intervals, "
        "a ring marks the block that held-out texts choose.",
    )


def _draw_drift(report: Mapping) -> Iterator[Picture]:
    yield Picture(
        drift_bars(report),
        "drift of each protected task under each plan",
        "How far the protected tasks drifted: the shorter the bars, the less has changed.",
    )


def _draw_curves(report: Mapping) -> Iterator[Picture]:
    curves = {name: plan["curves"] for name, plan in report["plans"].items()}
    several = ": the mean, in a band from the lowest seed to the highest"
    for name, task in report["tasks"].items():
        values = (seed for of_plan in curves.values() for seed in of_plan.get(name, ()))
        if any(value is not None for seed in values for value in seed):
            yield Picture(
                learning_curves(curves, name, task["metric"]),
                f"{name}: validation {task['metric']} by epoch",
                f"Validation {task['metric']} of {name} after each epoch"
                f"{several if len(report['seeds']) > 1 else ''}.",
            )


def _draw_grids(report: Mapping) -> Iterator[Picture]:
    staged = {name: plan for name, plan in report["plans"].items() if plan["grid"]["stages"]}
    for name, plan in staged.items():
        count = plan["trainable_parameters"]
        most = f"at most {count:,} parameters train at a time" if count else "nothing trains"
        yield Picture(
            trainability_grid(plan["grid"], title=short(name)),
            f"{name}: learning rate of each layer group in each stage",
            f"{name}: {most}; hatched is frozen.",
        )


def _markdown_table(table: Table) -> str:
    rules = ["---" if column < table.names else "---:" for column in range(len(table.header))]
    header: list[str] = [in_markdown(name) for name in table.header]
    rows: list[list[str]] = [[_markdown_cell(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rules, *rows))


def _markdown_cell(cell: Cell) -> str:
    return f"**{in_markdown(cell.text)}**" if cell.strong else in_markdown(cell.text)


def _html_section(section: Section, pictures: list[Picture], number: int) -> str:
    if not (section.table or pictures):
        return ""
    table = _html_table(section.table) if section.table else ""
    figures = "\n".join(
        _html_picture(picture, f"picture-{number}-{place}")
        for place, picture in enumerate(pictures)
    )
    return f"""<section>
<h2>{in_html(section.heading)}</h2>
<p>{in_html(section.note)}</p>
{table}
<div class="pictures">{figures}</div>
</section>"""


def _html_table(table: Table) -> str:
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
    is_name = ' class="name"' if place < table.names else ""
    text = f"<strong>{in_html(cell.text)}</strong>" if cell.strong else in_html(cell.text)
    if scope == "col" or place == 0:
        return f'<th scope="{scope}"{is_name}>{text}</th>'
    return f"<td{is_name}>{text}</td>"


def _html_picture(picture: Picture, name: str) -> str:
    svg = _inline_svg(to_svg(picture.figure), name, picture.title)
    return f"<figure>{svg}<figcaption>{in_html(picture.caption)}</figcaption></figure>"


def _inline_svg(document: str, name: str, title: str) -> str:
    """An SVG element for a page, its ids made the page's only ones by the name before them."""
    root = ElementTree.fromstring(document)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        for key, value in list(element.items()):
            element.set(key, re.sub(r"url\(#", f"url(#{name}-", value))
        if "id" in element.attrib:
            element.set("id", f"{name}-{element.get('id')}")
        if LINK in element.attrib:
            element.set("href", f"#{name}-{element.attrib.pop(LINK).removeprefix('#')}")
    root.attrib |= {"role": "img", "aria-labelledby": f"{name}-title"}
    words = ElementTree.Element("title", {"id": f"{name}-title"})
    words.text = one_line(title)
    root.insert(0, words)
    return ElementTree.tostring(root, encoding="unicode")
