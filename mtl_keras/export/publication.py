"""Exports a run or a model as the next version in a folder, after verifying its answers."""

import functools
import importlib.util
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tabulate import tabulate

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import show
from mtl_keras.errors import InputError
from mtl_keras.evaluation.latency import milliseconds
from mtl_keras.export.branch_costs import branch_costs
from mtl_keras.export.conversion.check import SIZES
from mtl_keras.export.conversion.converter import convert
from mtl_keras.export.conversion.formats import FLOAT32, SAVED_MODEL, ExportFormat, format_of
from mtl_keras.export.conversion_card import converted_card
from mtl_keras.export.model_card import CARD, EXAMPLE, model_card
from mtl_keras.export.saved_model.loading import labels_of
from mtl_keras.export.saved_model.rest_description import FILE, rest_description
from mtl_keras.export.saved_model.served_answers import SERVING, read_answers
from mtl_keras.export.saved_model.serving_files import check_model_name, write_serving_config
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.export.saved_model.verification import (
    signature_names,
    validation_texts,
    verify,
    verify_against,
)
from mtl_keras.export.saved_model.warmup import write_warmup
from mtl_keras.export.subject import Subject, subject_of
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.runs.run import Run
from mtl_keras.storage.locks import check_unlocked, locked
from mtl_keras.storage.writing import write_whole

Report = Callable[[str], None]


def publish(
    trained: Run | MultiTaskModel,
    folder: str | Path,
    *,
    datasets: Mapping[str, TaskDataset] | None = None,
    best: str | None = None,
    format: str = SAVED_MODEL.name,
    precision: str = FLOAT32,
    against: str | Path | None = None,
    report: Report = show,
) -> Path:
    """Exports a run or a model as the next version in a folder that TensorFlow Serving watches.

    The SavedModel is written to a temporary place, loaded in a new process and compared with the
    model on the validation texts and on odd texts (`verify`). Only then does it get its number. If
    an answer differs, or the process dies, there is no such version. The version contains its model
    card (`README.md`) and warm-up requests. The folder gets, unless it has them, the files that
    start TensorFlow Serving (`write_serving_config`).

    `litert` and `onnx` cannot process strings: they take `token_ids` and `padding_mask`, and the
    version contains the tokenizer's files and the labels. They are compared in the same way, in a
    process without TensorFlow (`check_conversion`). A table of size, latency and metrics is
    reported and added to the model card.

    Args:
        trained: a finished run, or a model that the program holds.
        folder: of the versions, such as `saved_models/tickets`; its name is the model's.
        datasets: of a model, task → its data; None for the data that its tasks were declared with.
        best: of a run, a task, or `mean`, whose best weights to export; None for the final weights.
        format: `saved_model`, `litert` or `onnx`.
        precision: of the weights: `float32`; for `litert` and `onnx` also `float16` or `int8`.
        against: another export, whose answers the new one must equal too.
        report: receives lines about what happens.

    Returns:
        The folder of the version: one above the highest number in it, or `1`.

    Raises:
        InputError: what is exported is neither a run nor a model, the folder is a file, its name
            cannot be part of an address, there are no best weights of this name, `against` is not
            an export, the folder holds versions of another format, the format lacks the
            precision, a package is not installed, or another process is exporting into the folder.
        WorkError: an answer differs, or a file could not be written.
    """
    folder, form = Path(folder), format_of(format)
    form.check(precision)
    _check_place(folder, form, against)
    check_unlocked(folder)
    subject = subject_of(trained, datasets, best, report)
    write = functools.partial(_write_saved_model, against=against)
    if not form.takes_strings:
        _check_judged(precision, subject.datasets)
        write = functools.partial(_write_converted, form=form, precision=precision)
    with locked(folder):
        form.check_versions(folder)  # again, since another process may have added one
        version = _Version(
            subject=subject,
            name=folder.resolve().name,
            number=str(next_version(folder)),
            report=report,
        )
        path = folder / version.number
        write_whole(path, functools.partial(write, version))
        if form.takes_strings:
            write_serving_config(folder, version.name)
    return path


def next_version(folder: str | Path) -> int:
    """One above the highest version in a folder; 1 if there is none.

    Raises:
        InputError: the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the folder of the versions")
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return 1 + max((int(name) for name in names if name.isascii() and name.isdigit()), default=0)


@dataclass(frozen=True, kw_only=True)
class _Version:
    """What to export, and its name and number."""

    subject: Subject
    name: str
    number: str
    report: Report

    def texts(self) -> Iterator[bytes]:
        return validation_texts(self.subject.datasets)


def _check_place(folder: Path, form: ExportFormat, against: str | Path | None) -> None:
    next_version(folder)
    check_model_name(folder.resolve().name)
    if against and not (Path(against) / SAVED_MODEL.file).is_file():
        raise InputError(
            f"{against}: no export here ({SAVED_MODEL.file} is absent); give the folder of a "
            "version"
        )
    form.check_versions(folder)
    if against and not form.takes_strings:
        raise InputError(f"--verify-against compares SavedModels; --format is {form.name}")
    if against:
        signature_names(against)  # loads it, before any work


def _check_judged(precision: str, datasets: Mapping[str, TaskDataset]) -> None:
    if precision != FLOAT32 and not datasets:
        raise InputError(
            f"--precision {precision} must be checked on the recipe's files, which are missing: "
            f"restore them, or use {FLOAT32}"
        )


def _write_saved_model(version: _Version, folder: Path, *, against: str | Path | None) -> None:
    """Writes a SavedModel and verifies it; then writes its card and its warm-up requests."""
    export_saved_model(version.subject.model, folder)
    compared = verify(version.subject.model, folder, version.texts())
    version.report(f"{compared:,} texts have the same answers as the model's")
    if against:
        also_compared = verify_against(folder, against, version.texts())
        version.report(f"{also_compared:,} texts have the same answers as those of {against}")
    signatures = tf.saved_model.load(str(folder)).signatures
    outputs = {name: of_name.structured_outputs for name, of_name in signatures.items()}
    kinds = {name: task.kind for name, task in version.subject.model.tasks.items()}
    described = rest_description(version.name, version.number, outputs, kinds)
    (folder / FILE).write_text(json.dumps(described, indent=2), encoding="utf-8")
    _write_card(folder, _saved_model_card(version, folder, signatures, compared))
    if importlib.util.find_spec("tensorflow_serving"):
        # With our own texts, since the user's may be private.
        write_warmup(folder, [EXAMPLE, 20 * EXAMPLE], model_name=version.name)
    else:
        version.report(
            "no warm-up requests for TensorFlow Serving: pip install 'mtl_keras[serving]'"
        )


def _saved_model_card(
    version: _Version, folder: Path, signatures: Mapping[str, Any], compared: int
) -> str:
    raw = {
        name: output.numpy()
        for name, output in signatures[SERVING](text=tf.constant([EXAMPLE])).items()
    }
    [decoded] = read_answers(raw, [EXAMPLE], labels_of(signatures))
    return model_card(
        version.subject.origin(),
        name=version.name,
        version=version.number,
        scores=version.subject.scores(),
        signatures={name: [*of_name.structured_outputs] for name, of_name in signatures.items()},
        size=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        milliseconds={
            size: _milliseconds(signatures[SERVING], version.texts(), size) for size in SIZES
        },
        branches=branch_costs(version.subject.model),
        compared=compared,
        response=raw,
        answer=decoded,
    )


def _milliseconds(signature: Callable, texts: Iterator[bytes], size: int) -> float:
    """The median time of a call with `size` texts."""
    batch = [*itertools.islice(texts, size)] or [EXAMPLE.encode()]
    text = tf.constant([*itertools.islice(itertools.cycle(batch), size)])
    return milliseconds(lambda: signature(text=text))


def _write_converted(
    version: _Version, folder: Path, *, form: ExportFormat, precision: str
) -> None:
    """Writes a model in another format and checks it; then writes its card."""
    subject = version.subject
    conversion = convert(subject.model, folder, form, precision, subject.datasets)
    version.report(tabulate(conversion.rows(), headers="keys", disable_numparse=True))
    card = converted_card(
        version.subject.origin(),
        name=version.name,
        version=version.number,
        form=form,
        precision=precision,
        conversion=conversion,
    )
    _write_card(folder, card)


def _write_card(folder: Path, card: str) -> None:
    (folder / CARD).write_text(card, encoding="utf-8")
