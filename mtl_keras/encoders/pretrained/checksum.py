"""Checks the checksum of an encoder's weights, which a recipe may require."""

import hashlib
from pathlib import Path

from mtl_keras.errors import InputError

# The first of these patterns that matches is used; several files are concatenated by name.
WEIGHTS = (
    "model*.safetensors",
    "pytorch_model*.bin",
    "variables/variables.data-*",
    "model*.weights.h5",
)
BLOCK = 1 << 20  # bytes read at once


def check_weights(folder: Path, sha256: str) -> None:
    """Checks the checksum of a folder's weights, before any of them is opened.

    Args:
        folder: of a published encoder.
        sha256: in hexadecimal, of `model.safetensors` (or its concatenated shards), or else of
            `pytorch_model.bin`, a TF Hub module's `variables/variables.data-…`, or KerasHub's
            `model.weights.h5`.

    Raises:
        InputError: the folder holds other weights, or none.
    """
    actual = weights_sha256(folder)
    if actual != sha256.lower():
        raise InputError(
            f"its weights have the sha256 {actual or 'of nothing'}; expected {sha256.lower()}: "
            "fetch the weights with that checksum, or correct sha256"
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
