"""Keras's `model.export`, of a model that takes strings."""

from pathlib import Path
from typing import Any

from mtl_keras.errors import InputError, listed, shown
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.models.multi_task_model import MultiTaskModel

FORMAT = "tf_saved_model"


def export(
    model: MultiTaskModel, filepath: str | Path, format: str = FORMAT, **further: Any
) -> None:
    """Writes a SavedModel that takes raw strings; see `mtl_keras.export_saved_model`.

    Args:
        model: trained.
        filepath: a folder that is not there yet.
        format: `tf_saved_model`.
        **further: `verbose`, which changes nothing.

    Raises:
        InputError: another format or argument; the folder is there already.
        WorkError: it could not be written.
    """
    if format != FORMAT:
        raise InputError(
            f"export writes the format {FORMAT!r}. Received: {shown(format)}; mtl_keras.publish("
            "model, folder, format=…) writes litert and onnx, and compares the answers"
        )
    if others := [name for name in further if name != "verbose"]:
        raise InputError(
            f"export does not take {listed(others)}: the signatures take strings and are always "
            "the same; leave it out"
        )
    export_saved_model(model, filepath)
