"""One writer per folder: a lock that is released when its process ends, however it ends."""

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mtl_keras.errors import InputError, WorkError
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.regular_files import read_whole
from mtl_keras.storage.writing import check_path, make_folder

LOCK = "lock"
LOOK_SECONDS = 0.3  # longer than `check_unlocked` holds a lock
FOLLOW_NOTHING = os.O_NOFOLLOW | os.O_NONBLOCK  # follow no link, wait for no reader of a pipe


@contextlib.contextmanager
def one_writer(folder: str | Path) -> Iterator[None]:
    """Holds the lock of a folder (`locked`) in whose subfolders this process writes.

    Raises:
        InputError: as `locked`; or a subfolder is a symbolic link, so files written in it would be
            elsewhere.
        WorkError: as `locked`.
    """
    with locked(folder):
        _check_links(Path(folder))
        yield


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Holds the folder's lock; makes the folder if it is absent.

    The system holds the lock for the process (`flock`) and releases it when the process ends. So a
    killed process leaves a file, but no lock. The file names the process.

    Raises:
        InputError: another process holds the lock (the message says which, on which machine, and
            since when it runs); or the lock is not a plain file; or no folder can have this path.
        WorkError: the folder cannot be written.
    """
    check_path(folder)
    path = Path(folder) / LOCK
    try:
        make_folder(path.parent)
        file = _locked(path)
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(_this_process()).encode(), 0)
    except OSError as error:
        raise WorkError(f"{folder}: cannot be locked for writing: {cause(error)}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def check_unlocked(folder: str | Path) -> None:
    """Raises `InputError` if another process writes in the folder, or its lock is not a file."""
    check_path(folder)
    path = Path(folder) / LOCK
    with contextlib.suppress(OSError):
        file = _opened(path, os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: {_holder(path)}") from None
        finally:
            os.close(file)


def _check_links(folder: Path) -> None:
    for parent, names, _ in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if path.is_symlink():
                raise InputError(
                    f"{path}: is a symbolic link to {str(path.readlink())!r}, so files written in "
                    "it would be elsewhere; put a folder in its place"
                )


def _locked(path: Path) -> int:
    """The open lock file, opened again if it was removed before it could be locked."""
    until = time.monotonic() + LOOK_SECONDS
    while True:
        file = _opened(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            if time.monotonic() < until:
                time.sleep(LOOK_SECONDS / 10)
                continue
            raise InputError(f"{path.parent}: {_holder(path)}") from None
        except OSError:
            os.close(file)
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.sameopenfile(file, same := os.open(path, FOLLOW_NOTHING)):
                os.close(same)
                return file
            os.close(same)
        os.close(file)


def _opened(path: Path, flags: int) -> int:
    """The open lock file. Checks that it is a plain file with one name, since it is overwritten."""
    try:
        file = os.open(path, flags | FOLLOW_NOTHING, 0o644)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
        raise _not_plain(path) from None
    facts = os.fstat(file)
    if stat.S_ISREG(facts.st_mode) and facts.st_nlink <= 1:
        return file
    os.close(file)
    raise _not_plain(path)


def _not_plain(path: Path) -> InputError:
    return InputError(
        f"{path}: is a link, or not a plain file, but the lock must be written there; remove it, "
        "or choose another folder"
    )


def _holder(path: Path) -> str:
    cure = "wait until it has ended, or choose another folder"
    try:
        holder = json.loads(read_whole(path))
        who = f"process {holder['pid']} on {holder['host']}, started {holder['started']},"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        who = "another process"  # which has not yet written its name
    return f"{who} is writing here; {cure}"


def _this_process() -> dict[str, str | int]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": _started()}


def _started() -> str:
    """When this process started, if the system says so (Linux); else now."""
    seconds = time.time()
    with contextlib.suppress(OSError, ValueError, IndexError):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        seconds -= max(0.0, age)
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")
