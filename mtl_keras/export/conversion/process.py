"""Runs a converted model in a separate process that has only its runtime."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from mtl_keras.distribution.child_process import last_line
from mtl_keras.errors import WorkError
from mtl_keras.evaluation.latency import median_milliseconds
from mtl_keras.export.conversion.formats import ExportFormat
from mtl_keras.export.conversion.program import OUTPUT, SECONDS, receive, send

PROGRAM = Path(__file__).with_name("program.py")


class ConvertedModel:
    """A converted model in a process that has its runtime and cannot import TensorFlow.

    Like a `ForwardPass`, it takes batches and returns arrays, both by name. See `open_converted`.
    """

    def __init__(self, file: Path, process: subprocess.Popen, errors: IO[bytes]):
        assert process.stdin and process.stdout
        self._file, self._process, self._errors = file, process, errors
        self._questions, self._answers = process.stdin, process.stdout

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name.

        Raises:
            WorkError: the process ended; the message has the last line that it wrote.
        """
        return {
            name.removeprefix(OUTPUT): array
            for name, array in self._answer(batch).items()
            if name.startswith(OUTPUT)
        }

    def milliseconds(self, batch: Mapping[str, np.ndarray]) -> float:
        """The median time of a batch, measured in its process."""
        return median_milliseconds(lambda: float(self._answer(batch)[SECONDS]))

    def _answer(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        answer = None
        with contextlib.suppress(BrokenPipeError):
            send(self._questions, batch)
            answer = receive(self._answers)
        if answer is None:
            status = self._process.wait()
            self._errors.seek(0)
            line = last_line(self._errors.read(), status)
            raise WorkError(f"{self._file}: cannot be run in a new process: {line}")
        return answer


@contextlib.contextmanager
def open_converted(file: str | Path, form: ExportFormat) -> Iterator[ConvertedModel]:
    """Starts the process of a converted model; ends it with the context.

    Args:
        file: the model.
        form: its format.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, str(PROGRAM), form.name, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        yield ConvertedModel(Path(file), process, errors)
