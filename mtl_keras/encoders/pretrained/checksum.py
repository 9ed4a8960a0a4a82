"""The checksum of an encoder's weights, so that a recipe can insist on them."""

import hashlib
from pathlib import Path

from mtl_keras.errors import InputError

# Of the first of these that a folder has; of several files as if they were one, by name.
WEIGHTS = (
    "model*.safetensors",
    "pytorch_model*.bin",
    "variables/variables.data-*",
    "model*.weights.h5",
)
BLOCK = 1 << 20  # bytes read at once


def check_weights(folder: Path, sha256: str) -> None:
    """Compares the checksum of a folder's weights, before any of them is opened.

    Args:
        folder: of a published encoder.
        sha256: in hexadecimal, of `model.safetensors` (or of its shards one after the other), else
            of `pytorch_model.bin`, else of a TF Hub module's `variables/variables.data-…`, else of
            KerasHub's `model.weights.h5`.

    Raises:
        InputError: the folder holds other weights, or none.
    """
    actual = weights_sha256(folder)
    if actual != sha256.lower():
        raise InputError(
            f"its weights have the sha256 {actual or 'of nothing'}; expected {sha256.lower()}: "
            "fetch them from where that was published, or correct sha256"
        )


def weights_sha256(folder: Path) -> str:
    """The checksum that `check_weights` compares; empty if there are no weights."""
    of_patterns = (sorted(folder.glob(pattern)) for pattern in WEIGHTS)
    files = [folder] if folder.is_file() else next(filter(None, of_patterns), [])
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(BLOCK):
                digest.update(block)
    return digest.hexdigest() if files else ""
