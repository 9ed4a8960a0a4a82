"""Reads PyTorch's `.bin` files without executing their content.

Such a file is a pickle, which is a program. It may use only the few functions that assemble
tensors; any other name is refused, and PyTorch is not needed. A tensor is checked when it is made,
cannot be changed afterwards, and lies within the bytes of the file.
"""

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np

from mtl_keras.encoders.pretrained.pickle_reader import SAFE, GlobalName, as_dict, read_pickle
from mtl_keras.errors import InputError, shown

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
MOST_AXES = 32  # of a tensor
MOST_ORDER_BYTES = 16  # of the word "little"


@dataclass(frozen=True, slots=True)
class _Storage:
    """The numbers that tensors are views of: `count` numbers of a type, stored under a key."""

    key: str
    dtype: np.dtype
    count: int

    def __post_init__(self) -> None:
        if type(self.key) is not str or type(self.count) is not int or self.count < 0:
            raise InputError(
                f"the file holds {shown(self.count)} numbers under {shown(self.key)}; expected a "
                "count and a string: fetch a fresh copy"
            )

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.count * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor's numbers are; offset and strides count numbers, not bytes.

    Raises:
        InputError: the tensor reaches beyond its storage, or has more numbers than it.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.strides) or len(self.shape) > MOST_AXES:
            raise InputError(
                f"a tensor has {len(self.shape)} axes and {len(self.strides)} strides; expected "
                f"equally many, at most {MOST_AXES}: fetch a fresh copy"
            )
        numbers = (self.offset, *self.shape, *self.strides)
        if any(type(number) is not int or number < 0 for number in numbers) or (
            max(self.offset + self.span(), math.prod(self.shape)) > self.storage.count
        ):
            raise InputError(
                f"a tensor reaches beyond its numbers (offset {shown(self.offset)}, shape "
                f"{shown(self.shape)}, strides {shown(self.strides)}, of "
                f"{shown(self.storage.count)}); fetch a fresh copy"
            )

    def rows(self, rows: slice) -> "StoredTensor":
        """A range of its rows, as a tensor of the same storage."""
        start, stop, _ = rows.indices(self.shape[0])
        offset = self.offset + start * self.strides[0]
        return replace(self, offset=offset, shape=(stop - start, *self.shape[1:]))

    def span(self) -> int:
        """How many numbers of the storage lie from its first to its last, inclusive."""
        if not math.prod(self.shape):
            return 0
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))

    def arrange(self, content: bytes) -> np.ndarray:
        """The tensor, read-only, from the bytes that it spans."""
        dtype = self.storage.dtype
        if len(content) != self.span() * dtype.itemsize:
            raise InputError("the numbers of a tensor end too soon; fetch a fresh copy")
        if not content:
            return np.zeros(self.shape, dtype)
        strides = [stride * dtype.itemsize for stride in self.strides]
        numbers = np.frombuffer(content, dtype)
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides, writeable=False)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any
) -> StoredTensor:
    if type(storage) is not _Storage:
        raise InputError(f"the file holds a tensor without numbers; {SAFE}")
    return StoredTensor(storage, offset, tuple(shape), tuple(strides))


def _storage(pid: Any) -> _Storage:
    """The storage of a persistent id."""
    kind, name, key, _, count, *view = pid
    if kind != "storage" or any(view) or name not in _STORAGES:
        raise InputError(f"the file holds something that is not a tensor; {SAFE}")
    return _Storage(key, DTYPES[name.name], count)


_FUNCTIONS: dict[GlobalName, Callable[..., Any]] = {
    GlobalName("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    GlobalName("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    GlobalName("collections", "OrderedDict"): as_dict,
}
_STORAGES = frozenset(GlobalName("torch", name) for name in DTYPES)


def _load(file: IO[bytes]) -> Any:
    return read_pickle(file, _FUNCTIONS, _STORAGES, _storage)


@dataclass(frozen=True)
class TorchFile:
    """An opened `.bin` file; a tensor's numbers are read on request.

    Args:
        tensors: name → where its numbers are.
        load: key of a storage, start, size → these bytes of it.
    """

    tensors: dict[str, StoredTensor]
    load: Callable[[str, int, int], bytes]

    @classmethod
    def open(cls, path: Path) -> "TorchFile":
        """Opens a file of either of PyTorch's formats.

        Raises:
            InputError: the file holds more than tensors.
            Exception: of many kinds, if the file is damaged.
        """
        if zipfile.is_zipfile(path):
            return _open_zip(path)
        return _open_legacy(path)

    def read(self, name: str, rows: slice) -> np.ndarray:
        """A range of a tensor's rows, as a read-only array.

        Raises:
            InputError: the file has become shorter since it was opened.
        """
        tensor = self.tensors[name].rows(rows)
        itemsize = tensor.storage.dtype.itemsize
        start, size = tensor.offset * itemsize, tensor.span() * itemsize
        return tensor.arrange(self.load(tensor.storage.key, start, size))


def _open_zip(path: Path) -> TorchFile:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        (pickled,) = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        root = pickled.removesuffix("data.pkl")
        if f"{root}byteorder" in names:
            with _member(archive, f"{root}byteorder") as file:
                _check_order(file.read(MOST_ORDER_BYTES))
        with _member(archive, pickled) as file:
            tensors = _tensors(_load(file))
        for storage in _storages(tensors):
            _check_size(storage, archive.getinfo(f"{root}data/{storage.key}").file_size)
            _member(archive, f"{root}data/{storage.key}").close()

    def load(key: str, start: int, size: int) -> bytes:
        with zipfile.ZipFile(path) as archive, _member(archive, f"{root}data/{key}") as file:
            file.seek(start)
            return file.read(size)

    return TorchFile(tensors, load)


def _check_order(order: bytes) -> None:
    if order != b"little":
        raise InputError(f"the file's numbers are {order!r}-endian; {SAFE}")


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A file in the archive. It must be uncompressed and complete, so it cannot be oversized."""
    member = archive.getinfo(name)
    end = member.header_offset + member.file_size
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise InputError(f"{shown(name)} is compressed, which PyTorch's files are not; {SAFE}")
    if end > os.path.getsize(str(archive.filename)):
        raise InputError(
            f"{shown(name)} claims {member.file_size:,} bytes, but the file has fewer; fetch a "
            "fresh copy"
        )
    return archive.open(member)


def _open_legacy(path: Path) -> TorchFile:
    """Reads consecutive pickles (magic number, version, machine, tensors, keys), then numbers."""
    with path.open("rb") as file:
        magic, _, machine, content, keys = (_load(file) for _ in range(5))
        if magic != MAGIC or machine.get("little_endian") is not True:
            raise InputError(f"is not a file of PyTorch weights; {SAFE}")
        tensors = _tensors(content)
        storages = {storage.key: storage for storage in _storages(tensors)}
        places = dict(_places(file, keys, storages))

    def load(key: str, start: int, size: int) -> bytes:
        with path.open("rb") as file:
            file.seek(places[key] + start)
            return file.read(size)

    return TorchFile(tensors, load)


def _places(
    file: IO[bytes], keys: list[str], storages: Mapping[str, _Storage]
) -> Iterator[tuple[str, int]]:
    """Key → where its numbers begin, after their count of eight bytes."""
    end = os.fstat(file.fileno()).st_size
    for key in keys:
        storage, count = storages[key], int.from_bytes(file.read(8), "little")
        place = file.tell()
        _check_size(storage, min(count * storage.dtype.itemsize, end - place))
        yield key, place
        file.seek(place + storage.size)


def _check_size(storage: _Storage, size: int) -> None:
    if size < storage.size:
        raise InputError(
            f"the numbers under {shown(storage.key)} have {size:,} of {shown(storage.size)} bytes: "
            "they end too soon; fetch a fresh copy"
        )


def _tensors(content: Any) -> dict[str, StoredTensor]:
    """The tensors of a state dict, which must not be wrapped (in `state_dict` or `model`)."""
    if not isinstance(content, dict):
        raise InputError(f"the file holds a {type(content).__name__} and not tensors by name")
    for name, value in content.items():
        if type(name) is not str or type(value) is not StoredTensor:
            raise InputError(f"{shown(name)} in the file is not a tensor; {SAFE}")
    return content


def _storages(tensors: Mapping[str, StoredTensor]) -> set[_Storage]:
    """The storages of tensors, one for each key."""
    storages = {tensor.storage for tensor in tensors.values()}
    if len({storage.key for storage in storages}) < len(storages):
        raise InputError(f"the file describes the same numbers in two ways; {SAFE}")
    return storages
