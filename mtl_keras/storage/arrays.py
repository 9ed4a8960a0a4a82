"""Arrays by name, written as safetensors."""

import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from mtl_keras.errors import UnsafeFileError
from mtl_keras.storage.limits import SMALL_FILE
from mtl_keras.storage.regular_files import open_regular


def check_header(path: str | os.PathLike) -> None:
    """Checks that the header of a safetensors file (its names and shapes) is not too large.

    Raises:
        UnsafeFileError: it is too large, or the file is not a regular file.
        OSError: it cannot be opened.
    """
    with open_regular(path) as file:
        size = int.from_bytes(file.read(8), "little")
        is_complete = size <= os.fstat(file.fileno()).st_size  # else the file is damaged
    if is_complete and size > SMALL_FILE.most:
        raise UnsafeFileError(f"{os.fspath(path)}: its header has {SMALL_FILE}")


def write_arrays(
    arrays: dict[str, np.ndarray], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Writes a safetensors file, one tensor at a time.

    Raises:
        OSError: the file cannot be written.
    """
    try:
        save_file(arrays, path, metadata)
    except SafetensorError as error:  # raised for a full disk too
        raise OSError(str(error)) from error
