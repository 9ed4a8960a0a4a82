"""A program that runs a converted model with its runtime and NumPy, and nothing else.

`process` starts it: `python program.py FORMAT FILE`. It reads batches from stdin and writes answers
to stdout, each as a length and an `.npz`. It can import neither TensorFlow nor Keras nor
`mtl_keras`.
"""

import io
import os
import struct
import sys
import time
from collections.abc import Callable, Mapping
from typing import IO

import numpy as np

ABSENT = ("tensorflow", "tensorflow_text", "keras", "tf_keras", "mtl_keras")
OUTPUT = "output/"  # prefix of the outputs' names, beside `SECONDS`
SECONDS = "seconds"

Arrays = Mapping[str, np.ndarray]


def main(form: str, file: str) -> None:
    """Answers batches until the input ends, with the time that each answer took.

    Args:
        form: name of the file's format, one of `RUNTIMES`.
        file: the model.
    """
    for name in ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]  # makes importing it fail
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    ask = RUNTIMES[form](file)
    while (batch := receive(sys.stdin.buffer)) is not None:
        start = time.perf_counter()
        outputs = ask(batch)
        seconds = np.array(time.perf_counter() - start)
        send(answers, {SECONDS: seconds} | {f"{OUTPUT}{name}": outputs[name] for name in outputs})


def send(stream: IO[bytes], arrays: Arrays) -> None:
    """Writes arrays by name."""
    written = io.BytesIO()
    np.savez(written, np.array([*arrays]), *arrays.values())
    stream.write(struct.pack("<q", written.tell()) + written.getvalue())
    stream.flush()


def receive(stream: IO[bytes]) -> dict[str, np.ndarray] | None:
    """Reads arrays that `send` wrote; None at the end of the stream."""
    size = stream.read(8)
    if len(size) < 8:
        return None
    with np.load(io.BytesIO(stream.read(struct.unpack("<q", size)[0]))) as arrays:
        names, *values = (arrays[key] for key in arrays.files)
        return dict(zip(names.tolist(), values, strict=True))


def _litert(file: str) -> Callable[[Arrays], Arrays]:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(file, num_threads=os.cpu_count()).get_signature_runner()
    return lambda batch: runner(**batch)


def _onnx(file: str) -> Callable[[Arrays], Arrays]:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda batch: dict(zip(names, session.run(names, batch), strict=True))


RUNTIMES = {"litert": _litert, "onnx": _onnx}  # by name of the format


if __name__ == "__main__":
    main(*sys.argv[1:])
