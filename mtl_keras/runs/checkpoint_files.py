"""Files of checkpoints, each of which is complete or reported as damaged."""

import errno
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from mtl_keras.errors import InputError
from mtl_keras.storage.arrays import check_header, write_arrays
from mtl_keras.storage.refusals import errno_of, refusal
from mtl_keras.storage.writing import write_whole

KEPT = 2  # states; the older one is used if the newest is damaged
SUFFIX = ".safetensors"


@dataclass(frozen=True, eq=False)
class State:
    """Arrays by name, and facts as JSON values."""

    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


class StateFolder:
    """The last states of a training, each in a file with its own checksum (SHA-256).

    A file is written to a temporary place and renamed. It cannot hold code (safetensors, JSON).

    Args:
        folder: of the files; made with the first one.

    Example:

    >>> import tempfile
    >>> states = StateFolder(Path(tempfile.mkdtemp()))
    >>> for step in range(3):
    ...     states.save(State({"weight": np.full(2, step)}, {"step": step}))
    >>> newest = states.newest()
    >>> newest.facts, newest.arrays["weight"].tolist(), len(list(states.folder.iterdir()))
    ({'step': 2}, [2, 2], 2)
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def save(self, state: State) -> None:
        """Writes a state, and deletes all but the last two.

        Raises:
            WorkError: the state cannot be written; earlier states are unchanged.
        """
        number = int(self._files[-1].stem) + 1 if self._files else 1
        facts = json.dumps(state.facts, ensure_ascii=False)
        arrays = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
        metadata = {"facts": facts, "sha256": _digest(arrays, facts)}
        write_whole(
            self.folder / f"{number:08}{SUFFIX}", lambda path: write_arrays(arrays, path, metadata)
        )
        for path in self._files[:-KEPT]:
            path.unlink()

    def newest(self, report: Callable[[str], None] = lambda line: None) -> State | None:
        """The newest undamaged state; None if there is none.

        Args:
            report: receives a line about each damaged state.

        Raises:
            InputError: the system refuses to read a state.
        """
        for path in reversed(self._files):
            try:
                return _read(path)
            except _DamagedError as error:
                report(f"{error}: using the one before it")
        return None

    @property
    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())


class _DamagedError(InputError):
    """A damaged state; the one before it is used instead."""


def _read(path: Path) -> State:
    try:
        check_header(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts, expected = metadata["facts"], metadata["sha256"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if errno_of(error) not in (None, errno.EIO):
            raise InputError(f"{path}: cannot be read: {refusal(error)}") from None
        raise _DamagedError(f"{path}: damaged") from None
    if _digest(arrays, facts) != expected:
        raise _DamagedError(f"{path}: damaged")
    return State(arrays, json.loads(facts))


def _digest(arrays: Mapping[str, np.ndarray], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
