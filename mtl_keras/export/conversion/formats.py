"""The formats that an export can have, and what each needs and can hold."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from mtl_keras.errors import InputError, nearest

FLOAT32, FLOAT16, INT8 = PRECISIONS = ("float32", "float16", "int8")

LABELS_FILE = "labels.json"


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    Args:
        name: as the command line takes it; also the extra of the package that it needs.
        file: of a version, which tells its format.
        precisions: that the weights can have.
        modules: that writing and verifying import.
    """

    name: str
    file: str
    precisions: tuple[str, ...] = PRECISIONS
    modules: tuple[str, ...] = ()

    def check(self, precision: str) -> None:
        """Raises `InputError` where it has not this precision, or something is not installed."""
        if precision not in self.precisions:
            others = ", ".join(each.name for each in FORMATS if precision in each.precisions)
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
        """Raises `InputError` where a folder holds versions of another format."""
        for other in FORMATS:
            if other is not self and any(folder.glob(f"[0-9]*/{other.file}")):
                raise InputError(
                    f"{folder}: its versions are of the format {other.name}, and what serves them "
                    f"reads nothing else; give another folder to --format {self.name}"
                )


# TensorFlow's CPU kernels compute in float32: smaller weights would only be widened at each call.
SAVED_MODEL = ExportFormat("saved_model", "saved_model.pb", (FLOAT32,))
LITERT = ExportFormat("litert", "model.tflite", modules=("ai_edge_litert", "tokenizers"))
ONNX = ExportFormat("onnx", "model.onnx", modules=("tf2onnx", "onnx", "onnxruntime", "tokenizers"))
FORMATS = (SAVED_MODEL, LITERT, ONNX)


def format_of(name: str) -> ExportFormat:
    """The format of a name.

    Raises:
        InputError: there is none.

    Example:

    >>> format_of("onnx").file
    'model.onnx'
    """
    for each in FORMATS:
        if each.name == name:
            return each
    names = [each.name for each in FORMATS]
    raise InputError(f"format {name!r}: there are {', '.join(names)}{nearest(name, names)}")
