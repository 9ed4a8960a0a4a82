"""Writes a model as LiteRT or ONNX, with its tokenizer's files and labels, and checks it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.tokenizer_files import write_tokenizer_files
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.errors import InputError
from mtl_keras.export.conversion.check import check_conversion
from mtl_keras.export.conversion.comparison import Conversion
from mtl_keras.export.conversion.formats import LABELS_FILE, LITERT, ONNX, ExportFormat
from mtl_keras.export.conversion.litert import write_litert
from mtl_keras.export.conversion.onnx import write_onnx
from mtl_keras.export.conversion.process import open_converted
from mtl_keras.models.multi_task_model import MultiTaskModel

_WRITERS: dict[ExportFormat, Callable[[MultiTaskModel, Path, str], None]] = {
    LITERT: write_litert,
    ONNX: write_onnx,
}


def convert(
    model: MultiTaskModel,
    folder: Path,
    form: ExportFormat,
    precision: str,
    datasets: Mapping[str, TaskDataset],
) -> Conversion:
    """Writes a model in another format into a folder, and compares it with the original.

    The folder also gets the tokenizer's files and `labels.json`: task → `kind` and `classes`, in
    the order of its scores. A model that was trained in mixed precision is converted, and compared,
    in float32.

    Args:
        model: a trained model.
        folder: of the version; must not exist.
        form: LiteRT or ONNX.
        precision: of the weights.
        datasets: task → its files.

    Returns:
        The result of `check_conversion`.

    Raises:
        InputError: the tokenizer is not a `WordpieceTokenizer`.
        WorkError: the format cannot hold the model, or an answer differs too much.
        OSError: a file could not be written.
    """
    tokenizer = model.encoder.tokenizer
    if not isinstance(tokenizer, WordpieceTokenizer):
        raise InputError(
            f"{form.name} needs a tokenizer of word pieces, whose files are written beside the "
            "model; this encoder has another kind: export a SavedModel, which contains it"
        )
    folder.mkdir()
    model = in_float32(model)
    file = folder / form.file
    try:
        _WRITERS[form](model, file, precision)
    except tf.errors.OpError as error:
        raise OSError(error.message) from error
    write_tokenizer_files(tokenizer, folder)
    (folder / LABELS_FILE).write_text(_labels(model.tasks), encoding="utf-8")
    with open_converted(file, form) as converted:
        return check_conversion(model, converted, file, precision, datasets)


def in_float32(model: MultiTaskModel) -> MultiTaskModel:
    """The model, or a copy that computes in float32 if the model does not."""
    config = model.get_config()
    if config["encoder"]["dtype"] == "float32":
        return model
    config["encoder"] = config["encoder"] | {"dtype": "float32"}
    copy = MultiTaskModel.from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _labels(tasks: Mapping[str, Task]) -> str:
    content = {name: {"kind": task.kind, "classes": task.classes} for name, task in tasks.items()}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
