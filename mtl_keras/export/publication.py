"""A run → the next version of an export, proved equal to the model before it has its number."""

import functools
import importlib.util
import itertools
import statistics
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import tensorflow as tf
from tabulate import tabulate

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.export.conversion.converter import convert
from mtl_keras.export.conversion.formats import FLOAT32, SAVED_MODEL, ExportFormat, format_of
from mtl_keras.export.conversion_card import converted_card
from mtl_keras.export.model_card import CARD, EXAMPLE, model_card
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.export.saved_model.tf_serving import (
    MAX_BATCH_SIZE,
    check_model_name,
    write_serving_config,
    write_warmup,
)
from mtl_keras.export.saved_model.verification import verify, verify_against
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.run import METRICS, Run
from mtl_keras.storage.files import write_whole

SIZES = (1, MAX_BATCH_SIZE)  # texts a call whose time the model card tells


def publish(
    run: Run,
    folder: str | Path,
    *,
    best: str | None = None,
    format: str = SAVED_MODEL.name,
    precision: str = FLOAT32,
    against: str | Path | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Exports a run as the next version of a folder that TensorFlow Serving watches.

    The SavedModel is written beside its place, loaded in a fresh process and compared with the
    model on the validation texts and on odd ones (`verify`). Only then it is given its number;
    where an answer differs, or the process dies, there is no such version. With it come its model
    card (`README.md`) and its warm-up requests; beside the versions, where they are not there
    yet, the files that start TensorFlow Serving over them (`write_serving_config`).

    `litert` and `onnx` hold no strings: they take `token_ids` and `padding_mask`, and beside the
    model come the tokenizer's files and the labels. They are compared likewise, in a process
    without TensorFlow (`check_conversion`); the table of size, latency and metrics is reported and
    in the model card.

    Args:
        run: a finished run.
        folder: of the versions, such as `saved_models/tickets`; its name is the model's.
        best: with the weights that were best for this task, or `mean`; None: as the run ended.
        format: `saved_model`, `litert` or `onnx`.
        precision: of the weights: `float32`, and of the last two `float16` or `int8`.
        against: another export, whose answers the new one must have too.
        report: told what happens, a line at a time.

    Returns:
        The folder of the version: one above the highest number there, or `1`.

    Raises:
        InputError: a file in the folder's place, a name that cannot stand in an address, no best
            weights of this name, `against` is no export, versions of another format in the folder,
            a precision that the format has not, a package that is not installed.
        WorkError: an answer differs, or it could not be written.
    """
    folder, form = Path(folder), format_of(format)
    name = folder.resolve().name
    form.check(precision)
    _check(folder, name, against)
    _check_format(folder, form, against)
    recipe = run.recipe
    model = run.model(best)
    datasets = _datasets(recipe, report)
    path = folder / str(next_version(folder))
    texts = functools.partial(_validation_texts, datasets)

    def write_converted(beside: Path) -> None:
        conversion = convert(model, beside, form, precision, datasets)
        report(tabulate(conversion.rows(), headers="keys", disable_numparse=True))
        card = converted_card(
            run,
            name=name,
            version=path.name,
            best=best,
            form=form,
            precision=precision,
            conversion=conversion,
        )
        (beside / CARD).write_text(card, encoding="utf-8")

    def write(beside: Path) -> None:
        export_saved_model(model, beside)
        compared = verify(model, beside, texts())
        report(f"{compared:,} texts are answered as by the model")
        if against:
            report(f"{verify_against(beside, against, texts()):,} texts as by {against}")
        scores = _scores(run, model, datasets, best)
        signatures = tf.saved_model.load(str(beside)).signatures
        batch = [*itertools.islice(texts(), MAX_BATCH_SIZE)] or [EXAMPLE.encode()]
        card = model_card(
            run,
            name=name,
            version=path.name,
            best=best,
            scores=scores,
            signatures={each: [*found.structured_outputs] for each, found in signatures.items()},
            size=sum(file.stat().st_size for file in beside.rglob("*") if file.is_file()),
            milliseconds={size: _milliseconds(signatures[SERVING], batch, size) for size in SIZES},
            compared=compared,
        )
        (beside / CARD).write_text(card, encoding="utf-8")
        _warm_up(beside, name, report)

    if form is not SAVED_MODEL:
        _check_judged(form, precision, datasets)
        write_whole(path, write_converted)
        return path
    write_whole(path, write)
    write_serving_config(folder, name)
    return path


def next_version(folder: str | Path) -> int:
    """One above the highest version in a folder; 1 where there is none.

    Raises:
        InputError: the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; give the folder of the versions")
    known = (each.name for each in folder.iterdir()) if folder.is_dir() else ()
    return 1 + max((int(name) for name in known if name.isascii() and name.isdigit()), default=0)


def _check(folder: Path, name: str, against: str | Path | None) -> None:
    next_version(folder)
    check_model_name(name)
    if against and not (Path(against) / "saved_model.pb").is_file():
        raise InputError(
            f"{against}: no export here (saved_model.pb is absent); give the folder of a version"
        )


def _check_format(folder: Path, form: ExportFormat, against: str | Path | None) -> None:
    form.check_versions(folder)
    if against and form is not SAVED_MODEL:
        raise InputError(f"--verify-against compares SavedModels; --format is {form.name}")


def _check_judged(form: ExportFormat, precision: str, datasets: Mapping) -> None:
    if precision != FLOAT32 and not datasets:
        raise InputError(
            f"--precision {precision} is judged on the recipe's files, which are gone: put them "
            f"back, or take {FLOAT32}"
        )


def _datasets(recipe: Recipe, report: Callable[[str], None]) -> dict[str, TaskDataset]:
    """The recipe's files by task; none, and said so, where they are gone."""
    try:
        return open_datasets(recipe)
    except InputError as error:
        report(f"compared on odd texts alone: {error}")
        return {}


def _validation_texts(datasets: Mapping[str, TaskDataset]) -> Iterator[bytes]:
    for dataset in datasets.values():
        for example in dataset.examples("validation"):
            yield example.text.encode()


def _warm_up(saved_model: Path, name: str, report: Callable[[str], None]) -> None:
    """With texts of our own: the user's are not for others to read."""
    if importlib.util.find_spec("tensorflow_serving"):
        write_warmup(saved_model, [EXAMPLE, 20 * EXAMPLE], model_name=name)
    else:
        report("no warm-up requests for TensorFlow Serving: pip install 'mtl_keras[serving]'")


def _scores(
    run: Run, model: MultiTaskModel, datasets: Mapping[str, TaskDataset], best: str | None
) -> dict[str, dict[str, dict]]:
    """What the exported weights score: those of the run's end are in its files."""
    if best is None:
        return run.read_json(METRICS)
    return {split: evaluate_all(model, datasets, split) for split in ("validation", "test")}


def _milliseconds(signature: Callable, texts: Sequence[bytes], size: int) -> float:
    """The median of ten calls, after one that is not counted."""
    batch = tf.constant([*itertools.islice(itertools.cycle(texts), size)])
    seconds = [timeit.timeit(lambda: signature(text=batch), number=1) for _ in range(11)]
    return 1000 * statistics.median(seconds[1:])
