"""The forms that an answer has: one label, several, a number, passages of the text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_keras.errors import WorkError

READ = "read"  # in an answer and among the outputs of an export: whether all of a text was read

Row = Mapping[str, Any]  # output → its value for one text: a number, a string, an array of either


@dataclass(frozen=True, kw_only=True)
class AnswerForm:
    """How the answer to one text is served, read and said. Several kinds of task can share a form.

    Args:
        name: of the form.
        marked_by: the output that only this form has, of those that come later in `FORMS`.
        read: a text's row of outputs, the text and the task's labels → its answer, of the form
            that `mtl_keras.answer` gives.
        in_words: such an answer → a line for people; empty if nothing was found.
    """

    name: str
    marked_by: str
    read: Callable[[Row, str, Sequence[str]], Any]
    in_words: Callable[[Any], str]


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
        f"the outputs {', '.join(outputs)} are of no known kind of task; expected one of "
        f"{', '.join(form.marked_by for form in FORMS)}: use the mtl_keras that made the export"
    )


def text_of(value: bytes | str) -> str:
    """A served string, which comes as bytes or as str."""
    return value.decode() if isinstance(value, bytes) else str(value)


def character_span(text: bytes, start: int, limit: int) -> tuple[int, int]:
    """Byte offsets into a text in UTF-8 → offsets of characters. Inside one they round down.

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
            f"{len(scores)} scores for {len(labels)} labels; one label a score was expected: "
            "read the labels of the same export, by its signature 'labels'"
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


PASSAGES = AnswerForm(
    name="passages", marked_by="starts", read=_passages, in_words=_passages_in_words
)
LABELS = AnswerForm(name="labels", marked_by="count", read=_labels, in_words=_labels_in_words)
NUMBER = AnswerForm(name="number", marked_by="value", read=_number, in_words=_number_in_words)
LABEL = AnswerForm(name="label", marked_by="scores", read=_label, in_words=_label_in_words)
FORMS = (PASSAGES, LABELS, NUMBER, LABEL)
