"""The formats of exports: their names, files, precisions and required packages."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from mtl_keras.errors import InputError, nearest

FLOAT32, FLOAT16, INT8 = PRECISIONS = ("float32", "float16", "int8")

LABELS_FILE = "labels.json"


@dataclass(frozen=True)
class ExportFormat:
    """A format of exports.

    Args:
        name: as on the command line; also the name of the extra that it needs.
        file: the model's file name, which no other format has.
        precisions: of the weights.
        modules: that writing and checking it imports.
        takes_strings: whether its inputs are texts; if not, the tokenizer's files are added.
    """

    name: str
    file: str
    precisions: tuple[str, ...] = PRECISIONS
    modules: tuple[str, ...] = ()
    takes_strings: bool = False

    def check(self, precision: str) -> None:
        """Raises `InputError` if it lacks this precision, or a package is not installed."""
        if precision not in self.precisions:
            others = ", ".join(form.name for form in FORMATS if precision in form.precisions)
            raise InputError(
                f"--precision {precision}: {self.name} has {', '.join(self.precisions)}"
                + (f"; --format {others} has it" if others else nearest(precision, PRECISIONS))
            )
        absent = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if absent:
            raise InputError(
                f"--format {self.name}: {', '.join(absent)} is not installed; "
                f"pip install 'mtl_keras[{self.name}]'"
            )

    def check_versions(self, folder: Path) -> None:
        """Raises `InputError` if a folder holds versions of another format."""
        for other in FORMATS:
            if other is not self and any(folder.glob(f"[0-9]*/{other.file}")):
                raise InputError(
                    f"{folder}: its versions have the format {other.name}, and their server reads "
                    f"no other; give another folder for --format {self.name}"
                )


# TensorFlow's CPU kernels compute in float32, so smaller weights would be converted at each call.
SAVED_MODEL = ExportFormat(
    "saved_model", "saved_model.pb", precisions=(FLOAT32,), takes_strings=True
)
LITERT = ExportFormat("litert", "model.tflite", modules=("ai_edge_litert", "tokenizers"))
ONNX = ExportFormat("onnx", "model.onnx", modules=("tf2onnx", "onnx", "onnxruntime", "tokenizers"))
FORMATS = (SAVED_MODEL, LITERT, ONNX)


def format_of(name: str) -> ExportFormat:
    """The format with this name.

    Raises:
        InputError: there is none.

    Example:

    >>> format_of("onnx").file
    'model.onnx'
    """
    by_name = {form.name: form for form in FORMATS}
    if name not in by_name:
        raise InputError(f"format {name!r}: there are {', '.join(by_name)}{nearest(name, by_name)}")
    return by_name[name]
