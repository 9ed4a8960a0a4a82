"""Sentence embeddings of any number of texts, in a file."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mtl_keras.encoders.chunks import chunks
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.storage.writing import write_whole

CHUNK = 4096  # texts held at once


def write_embeddings(
    encoder: TextEncoder, texts: Iterable[str], count: int, path: str | os.PathLike
) -> tuple[int, int]:
    """Writes the sentence embeddings of streamed texts to a .npy file, whole or not at all.

    Args:
        encoder: makes the embeddings.
        texts: any number of strings, read once.
        count: how many they are.
        path: of the file.

    Returns:
        The shape of the float32 array: `(count, hidden)`.

    Raises:
        WorkError: the file cannot be written.
    """
    shape = (count, encoder.config.hidden_dim)

    def write(place: Path) -> None:
        with place.open("xb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for chunk in chunks(texts, CHUNK):
                vectors = encoder.encode(chunk)["sentence_embedding"]
                file.write(vectors.astype("<f4").tobytes())

    write_whole(Path(path), write)
    return shape
