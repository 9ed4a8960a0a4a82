"""The report of a comparison: JSON for programs, Markdown, and one page with its pictures."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mtl_keras.display import in_markdown
from mtl_keras.errors import WorkError
from mtl_keras.experiments.conclusions import html_conclusions, markdown_conclusions
from mtl_keras.experiments.depth_picture import depth_section, scores_over_depth
from mtl_keras.experiments.fronts import plans_on_front
from mtl_keras.experiments.plots import drift_bars, score_against_cost
from mtl_keras.experiments.rates_table import rates_section
from mtl_keras.experiments.tables import (
    data,
    drift,
    heading,
    scores,
    sharing,
    stages,
    summary,
)
from mtl_keras.reports.names import short
from mtl_keras.reports.page import Picture, render_page, render_section
from mtl_keras.reports.tables import Cell, Section, Table
from mtl_keras.reports.training_pictures import learning_curves, trainability_grid
from mtl_keras.storage.writing import write_whole


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
    sections = [
        render_section(section, list(draw(report)), number)
        for number, (section, draw) in enumerate(_sections(report), 1)
    ]
    return render_page(heading(report), summary(report), [*sections, html_conclusions(report)])


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
