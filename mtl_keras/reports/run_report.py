"""The page of a finished run: what it learnt, how, and where it is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl_keras.data.findings import Finding
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task import Task
from mtl_keras.display import in_html
from mtl_keras.errors import InputError
from mtl_keras.evaluation.figures import figure, interval_of, notes_of, values_of
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import EXPLICIT
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.reports.answers import answers_section
from mtl_keras.reports.page import (
    html_pictures,
    html_section,
    html_table,
    render_page,
    render_section,
)
from mtl_keras.reports.reviewing import reviews_of
from mtl_keras.reports.stages import (
    cost_section,
    curve_pictures,
    drift_section,
    grid_picture,
    stages_section,
)
from mtl_keras.reports.tables import Cell, Table, duration
from mtl_keras.reports.verdicts import verdict
from mtl_keras.runs.run import HISTORY, REPORT, Run
from mtl_keras.storage.run_folder import RECORD

CUTS = ("cut", "beyond_cut")  # what findings about texts that were cut are about


def write_run_report(run: Run) -> Path:
    """Writes the run's page, `report.html`, whole or not at all; returns its path.

    What became of the test examples is in the run (`review.json`). A run of an earlier version has
    none: its model answers them again, if model and data are as they were.

    Args:
        run: finished.

    Raises:
        InputError: the run is not finished, or one of its files is damaged.
        WorkError: the page cannot be written.
    """
    run = Run.open(run.folder)
    page = render_run_report(run, *reviews_of(run))
    run.write(REPORT, lambda path: path.write_text(page, encoding="utf-8"))
    return run.folder / REPORT


def render_run_report(run: Run, reviews: Mapping[str, Mapping], missing: str = "") -> str:
    """Returns the page of a run.

    Args:
        run: finished.
        reviews: task → what became of its examples (`evaluation.review`).
        missing: why there are none; empty if there are.
    """
    facts, history = run.read_json(RECORD), run.read_json(HISTORY)
    records, tasks = history["stages"], run.tasks
    recipe = _recipe(run)
    sections = [
        _verdicts(run, reviews),
        _curves(history, tasks, recipe),
        *_answers(tasks, reviews, Path(facts["recipe_folder"])),
        *_stages(records, recipe),
        _drift(history.get("drift", {})),
        *_data(run.audit, facts["recipe_folder"]),
        _metrics(run.scores),
        render_section(cost_section(records, facts), [], len(tasks) + 3),
        *_left_out(run, missing, recipe),
    ]
    return render_page(_title(run), _summary(facts, tasks, records, recipe), sections)


def _title(run: Run) -> str:
    return f"{run.folder.resolve().name}: what the run learnt"


def _summary(
    facts: Mapping, tasks: Mapping[str, Task], records: Sequence[Mapping], recipe: Recipe | None
) -> str:
    epochs = sum(len(record["history"]["loss"]) for record in records)
    seconds = sum(record["seconds"] + record.get("features_seconds", 0.0) for record in records)
    encoder = f" on {recipe.encoder}" if recipe else ""
    stages = f"{len(records)} {'stage' if len(records) == 1 else 'stages'}"
    plan = "" if facts.get("plan", EXPLICIT) == EXPLICIT else f" of the plan {facts['plan']}"
    return (
        f"{len(tasks)} {'task' if len(tasks) == 1 else 'tasks'} ({', '.join(tasks)}){encoder}, "
        f"trained in {stages}{plan}, {epochs} epochs, {duration(seconds)}; seed {facts['seed']}."
    )


def _verdicts(run: Run, reviews: Mapping[str, Mapping]) -> str:
    scores = run.scores
    items = "\n".join(
        f"<li><strong>{in_html(name)}</strong>: {in_html(_verdict(task, scores, reviews))}</li>"
        for name, task in run.tasks.items()
    )
    note = (
        "Each task's score with its 95% interval over the examples, beside the best answer that "
        "reads no text."
    )
    return html_section("Verdict", note, f"<ul>\n{items}\n</ul>")


def _verdict(task: Task, scores: Mapping[str, Mapping], reviews: Mapping[str, Mapping]) -> str:
    split = next((name for name in ("test", "validation") if task.name in scores.get(name, {})), "")
    if not split:
        return "it was not scored."
    sentence = verdict(
        task, split, scores[split][task.name], reviews.get(task.name, {}).get("constant")
    )
    if split == "validation":
        sentence += (
            " There is no test split, and the weights were chosen on this one, which flatters."
        )
    return sentence


def _curves(history: Mapping, tasks: Mapping[str, Task], recipe: Recipe | None) -> str:
    pictures = curve_pictures(history["stages"], tasks.values())
    note = "What was measured on training and validation after each epoch."
    restored = history.get("best", {}).get(recipe.restore) if recipe else None
    if recipe and restored:
        note += (
            f" The run ended with the weights of epoch {restored['epoch']}, which are best on "
            f"validation by {recipe.restore}."
        )
    return html_section("Learning curves", note, html_pictures(pictures, 1))


def _answers(
    tasks: Mapping[str, Task], reviews: Mapping[str, Mapping], folder: Path
) -> Iterator[str]:
    for number, (name, task) in enumerate(tasks.items(), 2):
        if name in reviews:
            yield answers_section(task, reviews[name], folder, number)


def _stages(records: Sequence[Mapping], recipe: Recipe | None) -> Iterator[str]:
    groups = [row["group"] for row in records[0]["groups"]]
    stages: Sequence[Stage] | None = recipe.plan.stages_of_used(groups) if recipe else None
    picture = grid_picture(records, stages if stages and len(stages) == len(records) else None)
    yield render_section(stages_section(records), [picture], 0)


def _drift(drifted: Mapping[str, Mapping]) -> str:
    if drifted:
        return render_section(drift_section(drifted), [], 0)
    note = "No head stood frozen while other tasks trained the encoder, so no task drifted."
    return html_section("Drift", note)


def _data(findings: Sequence[Finding], folder: str) -> Iterator[str]:
    cut = [finding for finding in findings if finding.about in CUTS]
    others = [finding for finding in findings if finding.about not in CUTS]
    note = "What the encoder did not read, as it lies beyond max_length."
    none = "No text of the files that were looked through is longer than max_length."
    yield html_section("Texts that were cut", note if cut else none, _findings(cut, folder))
    if others:
        note = "What makes a score mean less, or more, than it seems."
        yield html_section("What to know about the data", note, _findings(others, folder))


def _findings(findings: Sequence[Finding], folder: str) -> str:
    """Returns a list of findings, their places relative to the folder of the recipe."""
    return _list([finding.in_words().replace(f"{folder}/", "") for finding in findings])


def _metrics(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows = [
        (
            *map(Cell, (name, split, f"{metrics['examples']:,}", interval_of(metrics))),
            Cell(", ".join(f"{key} {figure(value)}" for key, value in of_split), wraps=True),
        )
        for name in dict.fromkeys(name for of_split in scores.values() for name in of_split)
        for split in SPLITS
        if (metrics := scores.get(split, {}).get(name))
        for of_split in [values_of(metrics).items()]
    ]
    header = ("task", "split", "examples", "95% interval", "metrics, the first with this interval")
    table = html_table(Table(header, rows, names=2))
    return html_section(
        "All metrics", "Of the run's final weights.", table, _list(notes_of(scores))
    )


def _left_out(run: Run, missing: str, recipe: Recipe | None) -> Iterator[str]:
    lines = []
    if missing:
        lines.append(
            "Confusion matrices, figures by label, calibration, mistakes and answers without "
            f"reading: {missing}"
        )
    if recipe is None:
        lines.append(
            "The encoder's name, and learning rates but those of each stage's end: the "
            "recipe cannot be read."
        )
    without = [name for name in run.tasks if name not in run.scores.get("test", {})]
    if without:
        lines.append(f"Scores on a test split: {', '.join(without)} have none.")
    if lines:
        yield html_section(
            "Left out of this page", "What could not be shown, and why.", _list(lines)
        )


def _list(lines: Sequence[str]) -> str:
    items = "\n".join(f"<li>{in_html(line)}</li>" for line in lines)
    return f"<ul>\n{items}\n</ul>" if items else ""


def _recipe(run: Run) -> Recipe | None:
    try:
        return run.recipe
    except InputError:
        return None
