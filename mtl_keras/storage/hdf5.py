"""Lists the arrays in an HDF5 file of weights without reading them."""

import math
from pathlib import Path
from typing import IO, Any

import h5py  # type: ignore[import-untyped]

from mtl_keras.errors import UnsafeFileError, shown

CURE = "which Keras does not write; do not use it"


def stored_shapes(file: Path | IO[bytes], size: int) -> dict[str, tuple[int, ...]]:
    """Path in the file → shape, for every array.

    Args:
        file: HDF5, as Keras writes it.
        size: its size in bytes.

    Raises:
        UnsafeFileError: it refers to other files, or its arrays are compressed, not numbers, or
            together larger than the file. Reading such a file could fill the memory or read
            another file.
        OSError: it is not an HDF5 file, or damaged.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    links: dict[str, Any] = {}
    left = size
    with h5py.File(file, "r") as opened:
        opened.visititems_links(lambda *link: links.update([link]))
        for name, link in links.items():
            if not isinstance(link, h5py.HardLink):
                raise UnsafeFileError(f"the HDF5 file holds the link {shown(name)}, {CURE}")
            part = opened[name]
            if isinstance(part, h5py.Group):
                continue
            _check_array(name, part)
            left -= part.nbytes
            if left < 0:
                raise UnsafeFileError(f"the HDF5 file's arrays are larger than the file, {CURE}")
            shapes[name] = part.shape
    return shapes


def count(shapes: dict[str, tuple[int, ...]]) -> int:
    """The total number of elements in arrays of these shapes."""
    return sum(map(math.prod, shapes.values()))


def _check_array(name: str, part: Any) -> None:
    """Checks that an array's numbers are stored in this file, complete and uncompressed."""
    if not isinstance(part, h5py.Dataset) or part.dtype.kind not in "biuf" or part.shape is None:
        problem = "is not an array of numbers"
    elif part.is_virtual or part.external:
        problem = "reads another file"
    elif part.chunks is not None or part.id.get_storage_size() != part.nbytes:
        problem = "is compressed or incomplete"
    else:
        return
    raise UnsafeFileError(f"the HDF5 file's {shown(name)} {problem}, {CURE}")
