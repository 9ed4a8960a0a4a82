"""A converted model, asked in a process of its own that has its runtime alone."""

import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from mtl_keras.errors import WorkError
from mtl_keras.export.conversion.program import OUTPUT, SECONDS, receive, send

PROGRAM = Path(__file__).with_name("program.py")


class ConvertedModel:
    """A `.tflite` or `.onnx` file in a process that can import no TensorFlow.

    As a `ForwardPass` it takes batches, by name, and gives arrays. See `open_converted`.
    """

    def __init__(self, file: Path, process: subprocess.Popen, said: IO[bytes]):
        assert process.stdin and process.stdout
        self._file, self._process, self._said = file, process, said
        self._questions, self._answers = process.stdin, process.stdout

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name.

        Raises:
            WorkError: the process ended; its last words.
        """
        found = self._answer(batch)
        return {
            name.removeprefix(OUTPUT): each
            for name, each in found.items()
            if name.startswith(OUTPUT)
        }

    def milliseconds(self, batch: Mapping[str, np.ndarray], times: int = 10) -> float:
        """The median of calls, after one that is not counted, measured where it runs."""
        seconds = [float(self._answer(batch)[SECONDS]) for _ in range(times + 1)]
        return 1000 * statistics.median(seconds[1:])

    def _answer(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = None
        with contextlib.suppress(BrokenPipeError):
            send(self._questions, batch)
            found = receive(self._answers)
        if found is None:
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
            said = lines[-1] if lines else f"status {self._process.wait()}"
            raise WorkError(f"{self._file}: cannot be asked in a new process: {said}")
        return found


@contextlib.contextmanager
def open_converted(file: str | Path) -> Iterator[ConvertedModel]:
    """Starts the process of a converted model, and ends it."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):
        yield ConvertedModel(Path(file), process, said)
