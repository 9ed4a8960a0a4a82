"""What an export's signatures return → answers in the form of `mtl_keras.answer`."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from mtl_keras.data.answer_forms import READ, form_of, text_of
from mtl_keras.errors import WorkError

# The signatures that are no task's.
SERVING, EMBED, LABELS, READING = "serving_default", "embed", "labels", "reading"

Columns = Mapping[str, np.ndarray]
Output = TypeVar("Output")


def read_answers(
    outputs: Mapping[str, np.ndarray], texts: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> list[dict]:
    """Every task's answer for each text, from the outputs of a signature.

    Args:
        outputs: `<task>/<name>` → an array with a row a text, as `graph_answers.task_answer`
            documents them; strings as bytes or str. Of all tasks, or of one. And `read`, if
            the export and the signature return it.
        texts: those that were asked, in order.
        labels: task → its labels, in the order of `<task>/scores`: what the signature `labels`
            returns. Only answers with `scores` need them.

    Returns:
        As `mtl_keras.answer`: a dict a text, `text`, `read` and each task's answer. Byte offsets
        have become character offsets.

    Raises:
        WorkError: the outputs are not of these texts, or those of a task are not known.

    Example:

    >>> outputs = {"tone/label": [b"good"], "tone/score": [0.75], "tone/scores": [[0.25, 0.75]]}
    >>> [found] = read_answers(outputs, ["fine"], {"tone": ["bad", "good"]})
    >>> found["tone"]
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
    """Task → name → output, of outputs by `<task>/<name>`; `read` is no task's."""
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
                "one row a text was expected: ask again"
            )
