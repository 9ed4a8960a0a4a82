"""The forms of an answer: one label, several labels, a number, or passages of the text."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_keras.errors import WorkError

READ = "read"  # key of answers and of an export's outputs: whether the whole text was read

Row = Mapping[str, Any]  # output → its value for one text: a number, a string, an array of either


@dataclass(frozen=True, kw_only=True)
class AnswerForm:
    """How the answer to a text is served, read and printed. Several kinds of task share a form.

    Args:
        name: of the form.
        marked_by: an output that this form has and those after it in `FORMS` lack.
        read: a text's row of outputs, the text, and the task's labels → the answer, as
            `mtl_keras.answer` returns it.
        in_words: such an answer → a line of text; empty if there is nothing to report.
        cells: such an answer → column → cell of a table; lists are JSON.
        strength: an answer and another text's → how strongly the latter is that answer; None if
            answers of this form have no such number.
    """

    name: str
    marked_by: str
    read: Callable[[Row, str, Sequence[str]], Any]
    in_words: Callable[[Any], str]
    cells: Callable[[Any], Mapping[str, str | float]]
    strength: Callable[[Any, Any], float] | None = None


def form_of(outputs: Sequence[str]) -> AnswerForm:
    """The form of a task's answers, recognised by the names of its outputs.

    Raises:
        WorkError: no form has these outputs.

    Example:

    >>> form_of(["label", "count", "scores"]).name
    'labels'
    """
    for form in FORMS:
        if form.marked_by in outputs:
            return form
    raise WorkError(
        f"the outputs {', '.join(outputs)} fit no known kind of task; expected one of "
        f"{', '.join(form.marked_by for form in FORMS)}: use the mtl_keras that made the export"
    )


def text_of(value: bytes | str) -> str:
    """A served string as `str`; it may come as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def character_span(text: bytes, start: int, limit: int) -> tuple[int, int]:
    """Byte offsets in a UTF-8 text → character offsets. Offsets inside a character round down.

    Example:

    >>> character_span("é!".encode(), 2, 3)
    (1, 2)
    """
    first, last = (len(text[:offset].decode(errors="ignore")) for offset in (start, limit))
    return first, last


def _label(row: Row, text: str, labels: Sequence[str]) -> dict:
    label, score = text_of(row["label"]), float(row["score"])
    return {"label": label, "score": score, "scores": _by_label(labels, row["scores"])}


def _labels(row: Row, text: str, labels: Sequence[str]) -> dict:
    chosen = row["label"][: int(row["count"])]
    return {
        "labels": [text_of(label) for label in chosen],
        "scores": _by_label(labels, row["scores"]),
    }


def _number(row: Row, text: str, labels: Sequence[str]) -> dict:
    return {"value": float(row["value"])}


def _passages(row: Row, text: str, labels: Sequence[str]) -> list[dict]:
    encoded, passages = text.encode(), []
    for place in range(int(row["count"])):
        start, end = character_span(encoded, int(row["starts"][place]), int(row["limits"][place]))
        passage = {"start": start, "end": end, "text": text[start:end]}
        label, score = text_of(row["label"][place]), float(row["score"][place])
        passages.append(passage | {"label": label, "score": score})
    return passages


def _by_label(labels: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    if len(labels) != len(scores):
        raise WorkError(
            f"{len(scores)} scores for {len(labels)} labels; expected one score per label: read "
            "the labels of the same export, from its signature 'labels'"
        )
    return dict(zip(labels, map(float, scores), strict=True))


def _label_in_words(answer: Mapping) -> str:
    return f"{answer['label']} ({answer['score']:.2f})"


def _labels_in_words(answer: Mapping) -> str:
    return ", ".join(f"{label} ({answer['scores'][label]:.2f})" for label in answer["labels"])


def _number_in_words(answer: Mapping) -> str:
    return f"{answer['value']:.4g}"


def _passages_in_words(answer: Sequence[Mapping]) -> str:
    return ", ".join(f"{p['text']} ({p['label']}, {p['score']:.2f})" for p in answer)


def _label_cells(answer: Mapping) -> dict[str, str | float]:
    return {"label": answer["label"], "score": answer["score"]}


def _labels_cells(answer: Mapping) -> dict[str, str | float]:
    chosen = {label: answer["scores"][label] for label in answer["labels"]}
    return {"labels": _as_json([*chosen]), "scores": _as_json([*chosen.values()])}


def _number_cells(answer: Mapping) -> dict[str, str | float]:
    return {"value": answer["value"]}


def _passages_cells(answer: Sequence[Mapping]) -> dict[str, str | float]:
    return {"passages": _as_json(answer)}


def _label_strength(given: Mapping, other: Mapping) -> float:
    return float(other["scores"][given["label"]])


def _labels_strength(given: Mapping, other: Mapping) -> float:
    return float(sum(other["scores"][label] for label in given["labels"]))


def _number_strength(given: Mapping, other: Mapping) -> float:
    return float(other["value"])


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


PASSAGES = AnswerForm(
    name="passages",
    marked_by="starts",
    read=_passages,
    in_words=_passages_in_words,
    cells=_passages_cells,
)
LABELS = AnswerForm(
    name="labels",
    marked_by="count",
    read=_labels,
    in_words=_labels_in_words,
    cells=_labels_cells,
    strength=_labels_strength,
)
NUMBER = AnswerForm(
    name="number",
    marked_by="value",
    read=_number,
    in_words=_number_in_words,
    cells=_number_cells,
    strength=_number_strength,
)
LABEL = AnswerForm(
    name="label",
    marked_by="scores",
    read=_label,
    in_words=_label_in_words,
    cells=_label_cells,
    strength=_label_strength,
)
FORMS = (PASSAGES, LABELS, NUMBER, LABEL)
