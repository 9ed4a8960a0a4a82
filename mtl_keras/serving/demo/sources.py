"""The model behind the demo page: a run or an export, as one value."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mtl_keras.data.answer_forms import AnswerForm
from mtl_keras.data.task import Task
from mtl_keras.display import in_markdown, in_terminal, one_line
from mtl_keras.evaluation.figures import figure, notes_of
from mtl_keras.export.model_card import CARD, EXAMPLE, table
from mtl_keras.export.saved_model.loading import (
    KERAS,
    Answering,
    answering,
    forms_of,
    is_version,
    labels_of,
    load_signatures,
    run_or_export,
)
from mtl_keras.export.saved_model.rest_description import in_order
from mtl_keras.export.saved_model.served_answers import READING, SERVING
from mtl_keras.runs.run import Run
from mtl_keras.serving.demo.examples import example_texts
from mtl_keras.storage.regular_files import open_regular

if TYPE_CHECKING:
    from mtl_keras.models.multi_task_model import MultiTaskModel

LONGEST_CARD = 1 << 16  # bytes; cards of our exports have about 5,000


class Reading(NamedTuple):
    """How much of a text the encoder read."""

    pieces: int  # word pieces, [CLS] and [SEP] included
    end: int  # the character after the last piece
    whole: bool  # whether the whole text was read


@dataclass(frozen=True)
class ServedTask:
    """What the page needs to know about a task.

    Args:
        name: of the task.
        form: of its answers.
        labels: of the task; empty for a number.
    """

    name: str
    form: AnswerForm
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, task: Task) -> "ServedTask":
        """From a task's declaration."""
        return cls(task.name, task.label_kind.form, tuple(task.labels))

    def to_json(self) -> dict:
        """As plain values. `shown` maps names and labels with hidden characters to escaped ones;
        `explains` says whether `occlusion` can be asked of it.
        """
        names = (self.name, *self.labels)
        explains = self.form.strength is not None
        shown = {name: line for name in names if (line := one_line(name)) != name}
        labels = list(self.labels)
        named = {"name": self.name, "form": self.form.name, "explains": explains}
        return named | {"labels": labels, "shown": shown}


@dataclass(frozen=True)
class Source:
    """A model for the page.

    Args:
        title: of the page.
        tasks: that the model answers.
        card: the model card, as Markdown.
        answers: texts → answers, as `mtl_keras.answer` returns them; thread-safe.
        reading: text → how much of it is read; thread-safe.
        examples: texts to try.
    """

    title: str
    tasks: Sequence[ServedTask]
    card: str
    answers: Answering
    reading: Callable[[str], Reading]
    examples: Sequence[str] = (EXAMPLE,)


def find_source(folder: str | Path) -> Callable[[], Source]:
    """A function that loads the run or export in a folder, the newest version in it, or a `.keras`.

    The function needs TensorFlow. It raises `InputError` if a file is damaged, or if
    `export_saved_model` did not write the SavedModel.

    Raises:
        InputError: the folder holds neither, or the run is damaged.
    """
    place = run_or_export(folder)
    if isinstance(place, Run):
        return functools.partial(_load_run, place)
    return functools.partial(_load_file if place.suffix == KERAS else _load_export, place)


def _load_run(run: Run) -> Source:
    title, card = run.folder.resolve().name, _metrics_card(run)
    return _source_of(run.model(), title, card, example_texts(run.recipe, run.tasks) or (EXAMPLE,))


def _load_file(path: Path) -> Source:
    from mtl_keras.models.loading import load_model

    model = load_model(path, compile=False)
    tasks = [ServedTask.of(task) for task in model.tasks.values()]
    return _source_of(model, path.stem, _tasks_card(tasks), (EXAMPLE,))


def _source_of(model: "MultiTaskModel", title: str, card: str, examples: Sequence[str]) -> Source:
    """Runs the model in the graphs of an export, which are faster and thread-safe."""
    from mtl_keras.export.saved_model.signatures import signature_functions

    functions = signature_functions(model)
    serving, read = (functions[name].get_concrete_function() for name in (SERVING, READING))
    tasks = [ServedTask.of(task) for task in model.tasks.values()]
    answers = answering(serving, {task.name: task.labels for task in tasks})
    return Source(title, tasks, card, answers, _reading(read), examples)


def _load_export(folder: Path) -> Source:
    signatures = load_signatures(folder)
    serving, labels = signatures[SERVING], labels_of(signatures)
    tasks = [
        ServedTask(task, form, tuple(labels.get(task, ())))
        for task, form in in_order(forms_of(signatures), folder).items()
    ]
    read = _reading(signatures[READING])
    folder = folder.resolve()
    title = f"{folder.parent.name}/{folder.name}" if is_version(folder) else folder.name
    return Source(title, tasks, _export_card(folder, tasks), answering(serving, labels), read)


def _reading(read: Callable) -> Callable[[str], Reading]:
    import tensorflow as tf

    def reading(text: str) -> Reading:
        outputs = read(text=tf.constant([text]))
        pieces, limit, whole = (outputs[name].numpy()[0] for name in ("pieces", "limit", "whole"))
        end = len(text.encode()[: int(limit)].decode(errors="ignore"))
        return Reading(int(pieces), end, bool(whole))

    return reading


def _metrics_card(run: Run) -> str:
    """The run's metrics as a Markdown table, and the notes on them."""
    scores = run.scores
    rows = [
        {"task": task, "split": split}
        | {name: figure(value) for name, value in metrics.items() if name != "notes"}
        for split, tasks in scores.items()
        for task, metrics in tasks.items()
    ]
    notes = [in_markdown(note) for note in notes_of(scores)]
    findings = [in_markdown(finding.in_words(places=False)) for finding in run.audit]
    return "\n\n".join(["# Scores", table(rows), *notes, *findings]) + "\n"


def _export_card(folder: Path, tasks: Sequence[ServedTask]) -> str:
    """The export's model card; a table of its tasks if it has none."""
    if (folder / CARD).is_file():
        return _read_card(folder / CARD)
    return _tasks_card(tasks)


def _tasks_card(tasks: Sequence[ServedTask]) -> str:
    rows = [
        {"task": task.name, "answer": task.form.name, "labels": str(len(task.labels) or "–")}
        for task in tasks
    ]
    return f"# Answers\n\n{table(rows)}\n"


def _read_card(path: Path) -> str:
    """The start of a card, with hidden characters escaped; anybody may have written it."""
    with open_regular(path) as file:
        return in_terminal(file.read(LONGEST_CARD).decode(errors="replace"))
