"""An export out of its folder: its signatures, its labels, and how it is asked."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtl_keras.data.answer_forms import AnswerForm, form_of
from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.model_labels import ModelTask
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.rest_description import in_order, kinds_in
from mtl_keras.export.saved_model.served_answers import (
    LABELS,
    READING,
    SERVING,
    columns_by_task,
    read_answers,
)
from mtl_keras.runs.run import Run
from mtl_keras.storage.refusals import refusal
from mtl_keras.storage.regular_files import check_regular_files
from mtl_keras.storage.run_folder import RECORD

GRAPH, KERAS = "saved_model.pb", ".keras"

Answering = Callable[[Sequence[str]], list[dict]]


def is_version(folder: Path) -> bool:
    """Whether a folder is called as a version is."""
    return re.fullmatch("[0-9]+", folder.name) is not None


def export_in(folder: Path) -> Path | None:
    """The folder itself if it is an export, else the newest version in it; None: there is none."""
    if (folder / GRAPH).is_file():
        return folder
    versions = [path.parent for path in folder.glob(f"*/{GRAPH}") if is_version(path.parent)]
    return max(versions, key=lambda version: int(version.name), default=None)


def run_or_export(folder: str | Path) -> Run | Path:
    """The run in a folder, the export, the newest version in it; or the `.keras` file itself.

    Raises:
        InputError: the folder holds neither, or the run is damaged or unfinished.
    """
    run, folder = Run(folder), Path(folder)
    if folder.suffix == KERAS and folder.is_file():
        return folder
    if (folder / RECORD).is_file() or run.has_begun:
        return Run.open(folder)
    if (export := export_in(folder)) is not None:
        return export
    problem = "a file that is no model" if folder.is_file() else "no such folder"
    if folder.is_dir():
        problem = "neither a finished run nor an export here"
    raise InputError(
        f"{folder}: {problem}; give the folder of a run (with {RECORD}), of an export (with "
        f"{GRAPH}), or of numbered exports, or a {KERAS} file"
    )


def load_signatures(folder: Path) -> Mapping:
    """The signatures of an export.

    Raises:
        InputError: it is damaged, or a SavedModel that `export_saved_model` did not write.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the tokenizer's operations

    check_regular_files(folder)
    try:
        signatures = tf.saved_model.load(str(folder)).signatures
    except Exception as error:  # a damaged file can cause any error
        reason = refusal(error) or "restore it or export again"
        raise InputError(f"{folder}: cannot be loaded; {reason}") from error
    if not {SERVING, READING} <= {*signatures}:
        raise InputError(
            f"{folder}: a SavedModel, but not one of mtl_keras (its signatures: "
            f"{', '.join(signatures) or 'none'}); give what 'mtl-keras export' wrote"
        )
    return signatures


def labels_of(signatures: Mapping) -> dict[str, list[str]]:
    """Task → its labels, of the tasks that have any.

    Raises:
        InputError: they are no text.
    """
    import tensorflow as tf

    by_task = signatures[LABELS](tf.constant([""])) if LABELS in signatures else {}
    rows = {task: of_task.numpy()[0] for task, of_task in by_task.items()}
    try:
        return {task: [name.decode() for name in row] for task, row in rows.items()}
    except UnicodeDecodeError:
        raise InputError("the labels of the export are not UTF-8; export the run again") from None


def forms_of(signatures: Mapping) -> dict[str, AnswerForm]:
    """Task → the form of its answers, of a loaded export."""
    by_task = columns_by_task(signatures[SERVING].structured_outputs)
    return {task: form_of([*columns]) for task, columns in by_task.items()}


def tasks_of(
    export: Path, labels: Mapping[str, Sequence[str]], forms: Mapping[str, AnswerForm]
) -> dict[str, ModelTask]:
    """Name → task, in the model's order. Exports that do not say a kind have those of its form.

    Args:
        export: the folder of a version.
        labels: as `labels_of`.
        forms: as `forms_of`.
    """
    kinds = kinds_in(export)
    return {
        name: ModelTask(labels.get(name, ()), _of_form(form, kinds.get(name)))
        for name, form in in_order(forms, export).items()
    }


def _of_form(form: AnswerForm, kind: str | None) -> list[str]:
    """The kinds whose answers have a form; of them only the given one, if it is there."""
    kinds = [name for name, label_kind in LABEL_KINDS.items() if label_kind.form is form]
    return [name for name in kinds if name == kind] or kinds


def answering(serving: Callable, labels: Mapping[str, Sequence[str]]) -> Answering:
    """What asks a signature: texts → their answers, as `mtl_keras.answer`."""
    import tensorflow as tf

    def answers(texts: Sequence[str]) -> list[dict]:
        outputs = serving(text=tf.constant(list(texts), tf.string, (len(texts),)))
        arrays = {name: output.numpy() for name, output in outputs.items()}
        return read_answers(arrays, texts, labels)

    return answers
