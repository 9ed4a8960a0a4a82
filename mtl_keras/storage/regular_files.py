"""Opens and reads untrusted files: only regular files, and no more than a limit allows.

Opening a pipe could wait for a writer forever, and a device may have no end.
"""

import gzip
import io
import os
import stat
import weakref
from pathlib import Path
from typing import IO

from mtl_keras.errors import UnsafeFileError
from mtl_keras.storage.limits import FILES, SMALL_FILE, UNPACKED, Limit

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_OPEN: "weakref.WeakValueDictionary[str, IO[bytes]]" = weakref.WeakValueDictionary()  # by path
ANY_RATIO_BYTES = 1 << 22  # up to this size, the ratio of unpacked to packed is not checked


def check_regular(path: str | os.PathLike) -> None:
    """Raises `UnsafeFileError` if a path is a pipe, a socket or a device. Does not open it.

    Absent paths and folders pass: opening them raises its own error.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    _check_mode(path, mode)


def check_regular_files(folder: Path, depth: int = 3) -> None:
    """Raises `UnsafeFileError` if a folder holds a pipe, a socket or a device.

    Args:
        folder: of an encoder or an export. Hidden folders in it are not searched.
        depth: how many levels are searched; 1 is the folder alone.

    Raises:
        UnsafeFileError: it holds one, or more files than `FILES` allows.
    """
    most = FILES.most
    paths = [folder]
    for _ in range(depth):
        names = []
        for path in paths:
            try:
                names += list(path.iterdir()) if path.is_dir() else []
            except OSError:
                continue  # opening a file in it raises its own error
            if len(names) > most:
                raise UnsafeFileError(f"{path}: holds {FILES}; give a folder of its own")
        for path in names:
            check_regular(path)
        paths = [path for path in names if not path.name.startswith(".")]


def open_regular(path: str | os.PathLike) -> IO[bytes]:
    """Opens a file for reading.

    Raises:
        UnsafeFileError: it is a pipe, a socket or a device.
        OSError: it cannot be opened.
    """
    check_regular(path)
    return open(path, "rb", opener=_open)


def open_unpacked(path: str | os.PathLike) -> IO[bytes]:
    """Opens a file for reading; a `.gz` is unpacked while it is read.

    Raises:
        UnsafeFileError: as `open_regular`; or, during reading, the file unpacks to more than 4 MiB
            and more than `UNPACKED` allows.
        OSError: it cannot be opened.
    """
    file = _OPEN[os.fspath(path)] = open_regular(path)
    if not os.fspath(path).lower().endswith(".gz"):
        return file
    return io.BufferedReader(_Unpacking(os.fspath(path), file))


def bytes_read(path: str | os.PathLike) -> int | None:
    """How many bytes of a file were read; None if `open_unpacked` has not opened it."""
    file = _OPEN.get(os.fspath(path))
    return None if file is None or file.closed else file.tell()


def read_whole(path: str | os.PathLike, limit: Limit = SMALL_FILE) -> bytes:
    """The content of a small file.

    Raises:
        UnsafeFileError: it has more bytes than the limit allows, or is not a regular file.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        content = file.read(limit.most + 1)
    if len(content) > limit.most:
        raise UnsafeFileError(f"{path}: has {limit}")
    return content


class _Unpacking(io.RawIOBase):
    """The content of a `.gz` file; raises if it is far larger than what was read of the file."""

    def __init__(self, path: str, file: IO[bytes]):
        self._path, self._file, self._ratio = path, file, UNPACKED.most
        self._gzip = gzip.GzipFile(fileobj=file)
        self._unpacked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # typeshed's own name
        content = self._gzip.read1(len(buffer))
        buffer[: len(content)] = content
        self._unpacked += len(content)
        if self._unpacked > max(ANY_RATIO_BYTES, self._ratio * self._file.tell()):
            raise UnsafeFileError(f"{self._path}: unpacks to {UNPACKED}; do not use it")
        return len(content)

    def close(self) -> None:
        self._gzip.close()
        self._file.close()
        super().close()


def _open(path: str, flags: int) -> int:
    """Opens a file without blocking, since the path may have become a pipe after the check."""
    file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_mode(path, os.fstat(file).st_mode)
    except UnsafeFileError:
        os.close(file)
        raise
    return file


def _check_mode(path: str | os.PathLike, mode: int) -> None:
    kind = KINDS.get(stat.S_IFMT(mode))
    if kind:
        raise UnsafeFileError(
            f"{os.fspath(path)}: is {kind}, not a regular file; write its content to a file and "
            "give that"
        )
