"""Arrays by name, written as safetensors."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file


def write_arrays(
    arrays: dict[str, np.ndarray], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Writes safetensors, a tensor at a time.

    Raises:
        OSError: it cannot be written.
    """
    try:
        save_file(arrays, path, metadata)
    except SafetensorError as error:  # a full disk too
        raise OSError(str(error)) from error
