"""A task's part of a run's page: what it takes for what, how sure it is, and its worst mistakes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl_keras.data.task import Task
from mtl_keras.display import in_html
from mtl_keras.reports.answer_pictures import calibration_curve, numbers_cloud
from mtl_keras.reports.names import short_names
from mtl_keras.reports.page import Picture, html_pictures, html_section, html_table
from mtl_keras.reports.tables import NOTHING, Cell, Table, or_nothing, rounded

LONGEST_LABEL = 48
OTHERS = "all others"
OPEN = 6  # mistakes that are shown at once
RIGHT = ' class="right"'


def answers_section(task: Task, review: Mapping[str, Any], folder: Path, number: int) -> str:
    """Returns the section of a task, as HTML.

    Args:
        task: that was trained.
        review: `evaluation.review.Review.to_json`.
        folder: to which the places of mistakes are relative, if they are in it.
        number: of the section.
    """
    note = (
        f"{review['wrong']:,} of {review['examples']:,} {review['split']} examples have a mistake."
    )
    matrix = review["matrix"]
    tables = (_matrix(matrix), _by_label(review), _confusions(review)) if matrix else ()
    blocks = "\n".join(f"<div>{block}</div>" for block in map("\n".join, tables) if block)
    pictures = html_pictures([*_pictures(task, review)], number)
    mistakes = _mistakes(task, review["mistakes"], folder)
    beside = f'<div class="beside">{blocks}</div>'
    return html_section(f"{task.name}: answers", note, beside, pictures, mistakes)


def _matrix(matrix: Mapping[str, Any]) -> Iterator[str]:
    """Returns what is right, by row, and what was answered, by column; darker: more of its row."""
    names = [*matrix["labels"], *[OTHERS] * bool(matrix["left_out"])]
    if not names:
        return
    shown = _shown(names)
    head = "".join(f'<th scope="col">{in_html(shown[name])}</th>' for name in names)
    rows = "\n".join(
        f'<tr><th scope="row" class="name">{in_html(shown[name])}</th>{_cells(counts, place)}</tr>'
        for place, (name, counts) in enumerate(zip(names, matrix["counts"], strict=True))
    )
    note = "Rows are what is right, columns what was answered."
    if matrix["left_out"]:
        note += (
            f" The {len(matrix['labels'])} labels with the most mistakes are shown; "
            f"{matrix['left_out']:,} others are taken together."
        )
    if NOTHING in names:
        note += f" {NOTHING}: nothing was there, or nothing was answered."
    yield "<h3>Confusion matrix</h3>"
    yield f"<p>{in_html(note)}</p>"
    yield (
        '<div class="scroll" tabindex="0"><table class="matrix">\n'
        f'<thead><tr><th class="name">right ↓ answered →</th>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _cells(counts: Sequence[int], diagonal: int) -> str:
    whole = max(1, sum(counts))
    return "".join(
        f'<td{RIGHT * (place == diagonal)} style="--share:{count / whole:.2f}">'
        f"{_unless_zero(count)}</td>"
        for place, count in enumerate(counts)
    )


def _unless_zero(count: int) -> str:
    return f"{count:,}" if count else ""


def _by_label(review: Mapping[str, Any]) -> Iterator[str]:
    """Returns precision, recall and F1 of the labels with the most mistakes."""
    labels: Mapping[str, Mapping[str, int]] = review["labels"]
    if not labels:
        return
    left_out = review["labels_in_all"] - len(labels)
    shown = _shown(labels)
    rows = [(Cell(shown[name]), *_figures(labels[name])) for name in sorted(labels)]
    yield "<h3>By label</h3>"
    if left_out:
        yield f"<p>{left_out:,} labels with fewer mistakes are left out.</p>"
    header = ("label", "precision", "recall", "F1", "there", "answered")
    yield html_table(Table(header, rows))


def _figures(counts: Mapping[str, int]) -> Iterator[Cell]:
    matched, answered, right = counts["matched"], counts["answered"], counts["right"]
    for part, whole in ((matched, answered), (matched, right), (2 * matched, answered + right)):
        yield Cell(or_nothing(part / whole if whole else None, rounded))
    yield Cell(f"{right:,}")
    yield Cell(f"{answered:,}")


def _confusions(review: Mapping[str, Any]) -> Iterator[str]:
    """Returns the most frequent confusions, if the matrix does not show all labels."""
    if not review["matrix"]["left_out"]:
        return
    shown = _shown(name for pair in review["confusions"] for name in pair[:2])
    rows = [
        (Cell(shown[right]), Cell(shown[answer]), Cell(f"{count:,}"))
        for right, answer, count in review["confusions"]
    ]
    yield "<h3>Most frequent confusions</h3>"
    yield html_table(Table(("right", "answered", "times"), rows, names=2))


def _pictures(task: Task, review: Mapping[str, Any]) -> Iterator[Picture]:
    if review["calibration"]:
        yield Picture(
            calibration_curve(review["calibration"]),
            f"{task.name}: calibration",
            f"{task.name}: how often answers are right, by their probability. Below the dotted "
            "line the model is surer than it should be. Larger points stand for more answers.",
        )
    if review["numbers"]:
        yield Picture(
            numbers_cloud(review["numbers"]),
            f"{task.name}: answered numbers by expected ones",
            f"{task.name}: numbers answered, by what is right, of the first "
            f"{len(review['numbers']):,} examples. On the dotted line both are equal.",
        )


def _mistakes(task: Task, mistakes: Sequence[Mapping[str, Any]], folder: Path) -> str:
    if not mistakes:
        return "<h3>Worst mistakes</h3>\n<p>There are none.</p>"
    measure = "probability" if task.label_kind.has_labels else "off by"
    items = [_mistake(mistake, measure, folder) for mistake in mistakes]
    note = "The surest first." if task.label_kind.has_labels else "The farthest off first."
    html = f"<h3>Worst mistakes</h3>\n<p>{note}</p>\n{_numbered(items[:OPEN], 1)}"
    if more := items[OPEN:]:
        html += (
            f"\n<details><summary>{len(more)} more</summary>\n{_numbered(more, OPEN + 1)}</details>"
        )
    return html


def _numbered(items: Sequence[str], first: int) -> str:
    return f'<ol class="mistakes" start="{first}">\n' + "\n".join(items) + "\n</ol>"


def _mistake(mistake: Mapping[str, Any], measure: str, folder: Path) -> str:
    place = mistake["place"].removeprefix(f"{folder}/")
    return (
        f"<li><q>{in_html(mistake['text'])}</q><br/>\n"
        f"expected <strong>{in_html(mistake['expected'])}</strong>, "
        f"answered <strong>{in_html(mistake['answered'])}</strong> "
        f"<small>({measure} {rounded(mistake['score'])}; {in_html(place)})</small></li>"
    )


def _shown(names: Any) -> dict[str, str]:
    return short_names(names, LONGEST_LABEL)
