"""PyTorch's `.bin` files, read without executing what they hold.

Such a file is a pickle, and a pickle is a program. The reader here runs it with no more than what
puts tensors together: any other name in it is refused, and nothing of PyTorch is needed.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np

from mtl_keras.errors import InputError

MAGIC = 0x1950A86A20F9469CFC6C  # begins a file from before PyTorch 1.6
DTYPES = {
    "DoubleStorage": np.dtype("float64"),
    "FloatStorage": np.dtype("float32"),
    "HalfStorage": np.dtype("float16"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype("int64"),
    "IntStorage": np.dtype("int32"),
    "ShortStorage": np.dtype("int16"),
    "CharStorage": np.dtype("int8"),
    "ByteStorage": np.dtype("uint8"),
    "BoolStorage": np.dtype("bool"),
}
SAFE = "save the model as model.safetensors instead"


@dataclass(frozen=True)
class _Storage:
    """The numbers that tensors are views of: `count` of a type, kept under a key."""

    key: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor's numbers are: offset and strides in numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def rows(self, rows: slice) -> "StoredTensor":
        """Some of its rows, as a tensor of the same storage."""
        start, stop, _ = rows.indices(self.shape[0])
        offset = self.offset + start * self.strides[0]
        return replace(self, offset=offset, shape=(stop - start, *self.shape[1:]))

    def span(self) -> int:
        """How many of the storage's numbers there are from its first to its last."""
        if not math.prod(self.shape):
            return 0
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))

    def arrange(self, numbers: np.ndarray) -> np.ndarray:
        """The tensor, of the numbers that it spans."""
        strides = [stride * numbers.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides, writeable=False)


class _Unpickler(pickle.Unpickler):
    """Runs a pickle that may name what rebuilds tensors, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return name
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise InputError(f"the file asks to run {module}.{name}, which weights do not need; {SAFE}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, name, key, _, count, *view = pid
        if kind != "storage" or any(view):
            raise InputError(f"the file holds something that is no tensor; {SAFE}")
        return _Storage(str(key), DTYPES[name], int(count))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any
) -> StoredTensor:
    tensor = StoredTensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))
    if min((tensor.offset, *tensor.shape, *tensor.strides)) < 0 or (
        tensor.offset + tensor.span() > storage.count
    ):
        raise InputError("a tensor reaches beyond its numbers; fetch a fresh copy")
    return tensor


_ALLOWED: dict[tuple[str, str], Callable] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    ("collections", "OrderedDict"): OrderedDict,
}


@dataclass(frozen=True)
class TorchFile:
    """An opened `.bin` file: a tensor's numbers are read when it is asked for.

    Args:
        tensors: name → where its numbers are.
        load: reads so many bytes of the storage of a key, from a place in it.
    """

    tensors: dict[str, StoredTensor]
    load: Callable[[str, int, int], bytes]

    @classmethod
    def open(cls, path: Path) -> "TorchFile":
        """Opens a file of either of PyTorch's formats.

        Raises:
            InputError: the file asks for more than tensors.
            Exception: it is damaged; of many kinds, as pickles are.
        """
        if zipfile.is_zipfile(path):
            return _open_zip(path)
        return _open_legacy(path)

    def read(self, name: str, rows: slice) -> np.ndarray:
        """Some rows of a tensor, as an array that cannot be written to."""
        tensor = self.tensors[name].rows(rows)
        dtype = tensor.storage.dtype
        size = tensor.span() * dtype.itemsize
        content = self.load(tensor.storage.key, tensor.offset * dtype.itemsize, size)
        if len(content) < size:
            raise InputError(f"the numbers of {name!r} end too soon; fetch a fresh copy")
        return tensor.arrange(np.frombuffer(content, dtype))


def _open_zip(path: Path) -> TorchFile:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        (pickled,) = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        root = pickled.removesuffix("data.pkl")
        order = archive.read(f"{root}byteorder") if f"{root}byteorder" in names else b"little"
        if order != b"little":
            raise InputError(f"the file's numbers are {order!r}-endian; {SAFE}")
        with archive.open(pickled) as file:
            tensors = dict(_tensors(_Unpickler(file).load()))

    def load(key: str, start: int, size: int) -> bytes:
        with zipfile.ZipFile(path) as archive, archive.open(f"{root}data/{key}") as file:
            file.seek(start)
            return file.read(size)

    return TorchFile(tensors, load)


def _open_legacy(path: Path) -> TorchFile:
    """One pickle after the other: magic number, version, machine, tensors, keys; then numbers."""
    with path.open("rb") as file:
        magic, _, machine, content, keys = (_Unpickler(file).load() for _ in range(5))
        if magic != MAGIC or machine.get("little_endian") is not True:
            raise InputError(f"is no file of PyTorch's weights; {SAFE}")
        tensors = dict(_tensors(content))
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        places = dict(_places(file, keys, storages))

    def load(key: str, start: int, size: int) -> bytes:
        with path.open("rb") as file:
            file.seek(places[key] + start)
            return file.read(size)

    return TorchFile(tensors, load)


def _places(
    file: IO[bytes], keys: list[str], storages: Mapping[str, _Storage]
) -> Iterator[tuple[str, int]]:
    """Key → where its numbers begin: behind their count, eight bytes."""
    for key in keys:
        place = file.tell() + 8
        yield key, place
        file.seek(place + storages[key].count * storages[key].dtype.itemsize)


def _tensors(content: Any) -> Iterator[tuple[str, StoredTensor]]:
    """The tensors of a state dict; one that is wrapped (`state_dict`, `model`) is not one."""
    if not isinstance(content, dict):
        raise InputError(f"the file holds a {type(content).__name__} and not tensors by name")
    for name, value in content.items():
        if not isinstance(value, StoredTensor):
            raise InputError(f"{name!r} in the file is no tensor; {SAFE}")
        yield name, value
