"""Turns the outputs of an export's signatures into answers like those of `mtl_keras.answer`."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from mtl_keras.data.answer_forms import READ, form_of, text_of
from mtl_keras.errors import WorkError

# The signatures that do not belong to one task.
SERVING, EMBED, LABELS, READING = "serving_default", "embed", "labels", "reading"

Columns = Mapping[str, np.ndarray]
Output = TypeVar("Output")


def read_answers(
    outputs: Mapping[str, np.ndarray], texts: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> list[dict]:
    """Every task's answer for each text, from the outputs of a signature.

    Args:
        outputs: `<task>/<name>` → an array with one row per text, as `graph_answers.task_answer`
            documents them, for all tasks or one; strings are bytes or str. Also `read`, if the
            export and the signature return it.
        texts: the texts of the request, in order.
        labels: task → its labels, in the order of `<task>/scores`, as the signature `labels`
            returns them. Only answers with `scores` need them.

    Returns:
        Like `mtl_keras.answer`: a dict per text, with `text`, `read` and each task's answer. Byte
        offsets are converted to character offsets.

    Raises:
        WorkError: the outputs do not belong to these texts, or those of a task have no known form.

    Example:

    >>> outputs = {"tone/label": [b"good"], "tone/score": [0.75], "tone/scores": [[0.25, 0.75]]}
    >>> [answer] = read_answers(outputs, ["fine"], {"tone": ["bad", "good"]})
    >>> answer["tone"]
    {'label': 'good', 'score': 0.75, 'scores': {'bad': 0.25, 'good': 0.75}}
    """
    answers: list[dict] = [{"text": text} for text in texts]
    _check_rows(outputs, len(texts))
    if READ in outputs:
        for answer, is_read in zip(answers, outputs[READ], strict=True):
            answer[READ] = bool(is_read)
    for task, columns in columns_by_task(outputs).items():
        form, names = form_of([*columns]), [text_of(label) for label in labels.get(task, ())]
        for row, answer in enumerate(answers):
            of_text = {name: column[row] for name, column in columns.items()}
            answer[task] = form.read(of_text, texts[row], names)
    return answers


def columns_by_task(outputs: Mapping[str, Output]) -> dict[str, dict[str, Output]]:
    """Task → name → output, from `<task>/<name>` → output; `read` is left out."""
    columns: dict[str, dict[str, Output]] = {}
    for name, column in outputs.items():
        task, _, part = name.rpartition("/")
        if task:
            columns.setdefault(task, {})[part] = column
    return columns


def _check_rows(outputs: Columns, count: int) -> None:
    for name, column in outputs.items():
        if len(column) != count:
            raise WorkError(
                f"{name} has {len(column)} rows for {count} texts; "
                "expected one row per text: send the request again"
            )
