"""What an export's signatures return → answers in the form of `mtl_keras.answer`."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtl_keras.errors import WorkError

# The signatures that are no task's.
SERVING, EMBED, LABELS, READING = "serving_default", "embed", "labels", "reading"

Columns = Mapping[str, np.ndarray]


def read_answers(
    outputs: Mapping[str, np.ndarray], texts: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> list[dict]:
    """Every task's answer for each text, from the outputs of a signature.

    Args:
        outputs: `<task>/<name>` → an array with a row a text, as `graph_answers.task_answer`
            documents them; strings as bytes or str. Of all tasks, or of one.
        texts: those that were asked, in order.
        labels: task → its labels, in the order of `<task>/scores`: what the signature `labels`
            returns. Regression and tagging need none.

    Returns:
        As `mtl_keras.answer`: a dict a text, `text` and each task's answer. Byte offsets have
        become character offsets.

    Raises:
        WorkError: the outputs are not of these texts, or those of a task are not known.

    Example:

    >>> outputs = {"tone/label": [b"good"], "tone/score": [0.75], "tone/scores": [[0.25, 0.75]]}
    >>> [found] = read_answers(outputs, ["fine"], {"tone": ["bad", "good"]})
    >>> found["tone"]
    {'label': 'good', 'score': 0.75, 'scores': {'bad': 0.25, 'good': 0.75}}
    """
    answers: list[dict] = [{"text": text} for text in texts]
    for task, columns in _by_task(outputs).items():
        _check_rows(task, columns, len(texts))
        names = [_string(label) for label in labels.get(task, ())]
        read = _READERS[served_kind(columns)]
        for row, found in enumerate(answers):
            of_text = {name: column[row] for name, column in columns.items()}
            found[task] = read(of_text, texts[row], names)
    return answers


def served_kind(names: Columns | Sequence[str]) -> str:
    """The kind of a task, told by the names of its outputs.

    Example:

    >>> served_kind(["label", "count", "scores"])
    'multilabel'
    """
    for name, kind in _TELLING.items():
        if name in names:
            return kind
    raise WorkError(
        f"the outputs {', '.join(names)} are of no known kind of task; "
        f"expected one of {', '.join(_TELLING)}: use the mtl_keras that made the export"
    )


# The first of these among a task's outputs tells its kind.
_TELLING = {
    "starts": "tagging",
    "count": "multilabel",
    "value": "regression",
    "scores": "classification",
}


def _by_task(outputs: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, column in outputs.items():
        task, _, part = name.rpartition("/")
        columns.setdefault(task, {})[part] = column
    return columns


def _check_rows(task: str, columns: Columns, count: int) -> None:
    for name, column in columns.items():
        if len(column) != count:
            raise WorkError(
                f"{task}/{name} has {len(column)} rows for {count} texts; "
                "one row a text was expected: ask again"
            )


def _classification(found: Mapping, text: str, labels: Sequence[str]) -> dict:
    label, score = _string(found["label"]), float(found["score"])
    return {"label": label, "score": score, "scores": _named(labels, found["scores"])}


def _multilabel(found: Mapping, text: str, labels: Sequence[str]) -> dict:
    chosen = found["label"][: int(found["count"])]
    return {
        "labels": [_string(label) for label in chosen],
        "scores": _named(labels, found["scores"]),
    }


def _regression(found: Mapping, text: str, labels: Sequence[str]) -> dict:
    return {"value": float(found["value"])}


def _tagging(found: Mapping, text: str, labels: Sequence[str]) -> list[dict]:
    encoded = text.encode()
    entities = []
    for place in range(int(found["count"])):
        start, end = (
            len(encoded[: int(found[name][place])].decode(errors="ignore"))
            for name in ("starts", "limits")
        )
        entity = {"start": start, "end": end, "text": text[start:end]}
        label, score = _string(found["label"][place]), float(found["score"][place])
        entities.append(entity | {"label": label, "score": score})
    return entities


_READERS = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
    "tagging": _tagging,
}


def _named(labels: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    if len(labels) != len(scores):
        raise WorkError(
            f"{len(scores)} scores for {len(labels)} labels; one label a score was expected: "
            "read the labels of the same export, by its signature 'labels'"
        )
    return dict(zip(labels, map(float, scores), strict=True))


def _string(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
