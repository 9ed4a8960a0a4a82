"""Files of others, opened and read: only regular files, and no more of them than a limit allows.

A pipe would wait for a writer for ever, a device may have no end.
"""

import gzip
import io
import os
import stat
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
ANY_RATIO_BYTES = 1 << 22  # what so little unpacks to is no matter, however small it was


def check_regular(path: str | os.PathLike) -> None:
    """Raises `UnsafeFileError` if a path is a pipe, a socket or a device. It is not opened.

    What is absent, or a folder, is no matter here: to open it says what is wrong.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    _check_mode(path, mode)


def check_regular_files(folder: Path, depth: int = 3) -> None:
    """Raises `UnsafeFileError` if a folder holds a pipe, a socket or a device.

    Args:
        folder: of an encoder or an export. Hidden folders in it are not looked into.
        depth: how many floors of it are looked at: 1 is the folder alone.

    Raises:
        UnsafeFileError: there is one; or there are more files than `FILES` allows.
    """
    most = FILES.most
    paths = [folder]
    for _ in range(depth):
        names = []
        for path in paths:
            try:
                names += list(path.iterdir()) if path.is_dir() else []
            except OSError:
                continue  # to open what is in it says what is wrong
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
    """Opens a file for reading; what is in a `.gz` is unpacked while it is read.

    Raises:
        UnsafeFileError: as of `open_regular`; while it is read: it unpacks to more than `UNPACKED`
            allows, beyond 4 MiB.
        OSError: it cannot be opened.
    """
    file = open_regular(path)
    if not os.fspath(path).lower().endswith(".gz"):
        return file
    return io.BufferedReader(_Unpacking(os.fspath(path), file))


def read_whole(path: str | os.PathLike, limit: Limit = SMALL_FILE) -> bytes:
    """The content of a small file.

    Raises:
        UnsafeFileError: it has more bytes than the limit allows, or is no regular file.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        content = file.read(limit.most + 1)
    if len(content) > limit.most:
        raise UnsafeFileError(f"{path}: has {limit}")
    return content


class _Unpacking(io.RawIOBase):
    """What a `.gz` file unpacks to, as long as that is not far more than was read of the file."""

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
            f"{os.fspath(path)}: is {kind}, a regular file was expected; write its content to a "
            "file and give that"
        )
