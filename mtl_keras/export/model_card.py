"""The model card of an export, in Markdown: tasks, training, scores, cost, how to use it."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from mtl_keras.data.answer_forms import READ, text_of
from mtl_keras.data.findings import Finding
from mtl_keras.data.task import Task
from mtl_keras.display import Markdown, in_json, in_markdown
from mtl_keras.evaluation.figures import Scores, figure, interval_of, notes_of
from mtl_keras.export.origin import Origin
from mtl_keras.export.saved_model.rest_description import FILE as OPENAPI
from mtl_keras.export.saved_model.served_answers import EMBED, LABELS, READING, SERVING

CARD = "README.md"
EXAMPLE = "My parcel came a day late, but the service was friendly."
MOST_LABELS = 30  # that are listed
LONGEST_RESPONSE = 6000  # characters that are shown
NOTHING = "–"


def model_card(
    origin: Origin,
    *,
    name: str,
    version: str,
    scores: Scores,
    signatures: Mapping[str, Sequence[str]],
    size: int,
    milliseconds: Mapping[int, float],
    branches: Sequence[Mapping[str, str]],
    compared: int,
    response: Mapping[str, np.ndarray],
    answer: Mapping[str, Any],
) -> str:
    """The model card of an export as a SavedModel.

    Args:
        origin: of the exported model.
        name: of the model on a server.
        version: its number.
        scores: split → task → metrics, as in `metrics.json`.
        signatures: name → names of its outputs.
        size: of the SavedModel, in bytes.
        milliseconds: texts per call → median time of `serving_default` on this machine.
        branches: rows of `branch_costs`.
        compared: number of texts with the same answers as the model's.
        response: output of `serving_default` → its rows for the text `EXAMPLE`.
        answer: the same as `mtl_keras.answer` gives it.
    """
    parts = [
        f"# {in_markdown(name)}, version {version}",
        *training_parts(origin, "raw strings", scores),
        "## Size and speed",
        f"{size / 2**20:,.1f} MiB. {_speed(milliseconds)} "
        f"Before this version was published, a process without Keras answered {compared:,} texts "
        "as the trained model does (scores within 1e-5, equal labels and spans).",
        *_branches(branches),
        "## Signatures",
        "Each takes `text`, strings `(batch,)`. Offsets count bytes; the limit is excluded.",
        table(_signature_rows(signatures, origin.tasks)),
        f"At most {origin.max_length} word pieces of a text are read; `{READ}` says whether that "
        f"was the whole text, `{READING}` how many were read.",
        "## How to use it",
        "With TensorFlow Serving (`docker compose up --wait` in the folder of the versions):",
        _curl(name),
        *_responses(response, answer),
        f"[`{OPENAPI}`]({OPENAPI}) describes requests and responses. The server has no "
        "authentication and no TLS: put a proxy that has both in front of it.",
        "In Python, from this folder:",
        _python(),
        "A SavedModel is a program: load it only if you trust its source.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def training_parts(origin: Origin, inputs: str, scores: Scores) -> list[str]:
    """The card's paragraphs on its tasks, scores and training.

    Args:
        origin: of the exported model.
        inputs: what it answers from, in words.
        scores: split → task → metrics.
    """
    return [
        f"One transformer, {in_markdown(origin.encoder)}, answers {_listed(origin.tasks)} from "
        f"{inputs}, with {origin.weights}.",
        *([in_markdown(origin.left_out)] if origin.left_out else []),
        "## Tasks",
        table(_task_rows(origin.tasks, origin.examples)),
        "## Scores",
        table(_score_rows(origin.tasks, scores)) or "Not measured.",
        *map(in_markdown, notes_of(scores)),
        "The interval is the 95% bootstrap interval over the examples; it does not include the "
        "variation between trainings.",
        *_findings(origin.findings),
        "## Training",
        in_markdown(origin.training),
        table(_stage_rows(origin.stages)),
        *_drift(origin.drift),
    ]


def _findings(findings: Sequence[Finding]) -> list[str]:
    """Findings about the data that scores do not show, without places in the user's files."""
    rows = [
        {"task": finding.task, "split": finding.split or "all"}
        | {"examples": finding.what(places=False)}
        for finding in findings
    ]
    return ["What to know about the examples:", table(rows)] if rows else []


def table(rows: Sequence[Mapping]) -> str:
    """Rows of texts and `Markdown` as a Markdown table; empty without rows."""
    cells = [{in_markdown(name): in_markdown(text) for name, text in row.items()} for row in rows]
    return tabulate(cells, headers="keys", tablefmt="github", disable_numparse=True) if rows else ""


def _task_rows(tasks: Mapping[str, Task], examples: Mapping[str, Mapping[str, int]]) -> list[dict]:
    return [
        {"task": name, "kind": task.kind, "labels": _labels(task)}
        | {split: _count(examples, name, split) for split in ("train", "validation", "test")}
        for name, task in tasks.items()
    ]


def _count(examples: Mapping[str, Mapping[str, int]], name: str, split: str) -> str:
    return f"{examples[name].get(split, 0):,}" if name in examples else NOTHING


def _labels(task: Task) -> Markdown:
    listed = [in_markdown(label) for label in task.labels[:MOST_LABELS]]
    more = len(task.labels) - len(listed)
    return Markdown(", ".join([*listed, f"and {more} more"] if more else listed) or NOTHING)


def _score_rows(tasks: Mapping[str, Task], metrics: Mapping) -> list[dict]:
    return [
        {
            "task": name,
            "split": split,
            "examples": f"{of_task['examples']:,}",
            "metric": tasks[name].metric,
            "value": figure(of_task[tasks[name].metric]),
            "95% interval": interval_of(of_task),
        }
        for split, of_tasks in metrics.items()
        for name, of_task in of_tasks.items()
    ]


def _stage_rows(stages: Sequence[Mapping]) -> list[dict]:
    rows = []
    for number, stage in enumerate(stages, 1):
        trains = sum(group["parameters"] for group in stage["groups"] if group["trains"])
        total = sum(group["parameters"] for group in stage["groups"])
        rows.append(
            {
                "stage": str(number),
                "frozen": stage["freeze"],
                "epochs": str(len(stage["history"]["loss"])),
                "parameters that train": f"{trains:,} of {total:,}",
                "seconds": f"{stage['seconds']:.0f}",
            }
        )
    return rows


def _drift(drift: Mapping[str, Mapping]) -> list[str]:
    """The drift of tasks whose head stayed frozen while the encoder trained."""
    rows = [
        {
            "task": name,
            "metric": moved["metric"],
            "before": figure(moved["metric_before"]),
            "after": figure(moved["metric_after"]),
            "answers that changed": NOTHING
            if moved["flipped"] is None
            else f"{moved['flipped']:.1%}",
        }
        for name, moved in drift.items()
    ]
    title = "Drift of tasks whose head stayed frozen while the encoder trained:"
    return [title, table(rows)] if rows else []


def _branches(rows: Sequence[Mapping[str, str]]) -> list[str]:
    title = (
        "Tasks with blocks of their own; the time is what 32 texts of 32 word pieces take longer:"
    )
    return [title, table(rows)] if rows else []


def _speed(milliseconds: Mapping[int, float]) -> str:
    calls = (
        f"{'one text' if size == 1 else f'{size} texts'} {of_size:.1f} ms"
        for size, of_size in milliseconds.items()
    )
    cores = f"{os.cpu_count()} cores"
    return f"Time of a call on the machine of the export ({cores}): {', '.join(calls)}."


def _signature_rows(signatures: Mapping[str, Sequence[str]], tasks: Mapping) -> list[dict]:
    meanings = {
        SERVING: "every task's answers, from one pass of the encoder",
        EMBED: "the sentence embedding",
        LABELS: "each task's labels in the order of its scores, the same in every row",
        READING: "how much of a text is read",
    }
    return [
        {
            "signature": Markdown(f"`{name}`"),
            "what": meanings.get(name, f"the answers of {name}"),
            "outputs": Markdown(", ".join(f"`{output}`" for output in sorted(outputs))),
        }
        for name in [SERVING, *tasks, EMBED, READING, LABELS]
        if (outputs := signatures.get(name))
    ]


def _curl(name: str) -> str:
    body = json.dumps({"inputs": {"text": [EXAMPLE]}}, ensure_ascii=False)
    address = f"http://localhost:8501/v1/models/{name}:predict"
    return f"```sh\ncurl {address} -d {shlex.quote(body)}\n```"


def _responses(response: Mapping[str, np.ndarray], answer: Mapping[str, Any]) -> list[str]:
    """What the request above gets, and what `mtl_keras.serving.Client` makes of it."""
    raw = {"outputs": {name: _plain(rows) for name, rows in sorted(response.items())}}
    decoded = {name: value for name, value in answer.items() if name != "text"}
    parts = ["It gets", _json(raw), "which `mtl_keras.serving.Client` turns into", _json(decoded)]
    is_short = sum(map(len, parts)) <= LONGEST_RESPONSE
    return parts if is_short else ["Its response is long: see the outputs above."]


def _plain(rows: np.ndarray) -> list:
    """An array as JSON has it, with texts for bytes."""
    if rows.dtype == object:
        rows = np.vectorize(text_of, otypes=[object])(rows) if rows.size else rows
    return rows.tolist()


def _json(value: Any) -> str:
    rounded = _rounded(value)
    return f"```json\n{in_json(json.dumps(rounded, ensure_ascii=False))}\n```"


def _rounded(value: Any) -> Any:
    """The value with four digits of each number."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(of_name) for name, of_name in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _python() -> str:
    return f"""```python
import tensorflow as tf
import tensorflow_text  # the tokenizer's operations

ask = tf.saved_model.load(".").signatures["{SERVING}"]
for name, answer in ask(text=tf.constant([{EXAMPLE!r}])).items():
    print(name, answer.numpy())
```"""


def _listed(names: Mapping) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
