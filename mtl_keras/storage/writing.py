"""Writes files and folders completely, and to the disk, before it moves them into place."""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mtl_keras.errors import InputError, WorkError
from mtl_keras.storage.refusals import PARTIAL, cause, visible


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path beside `path`, then renames the result to `path`.

    The temporary path is in a new folder that only this user can open and no other process writes
    in. So writing follows no symbolic link, and if two processes write one file, the last one's
    file stays, complete. A symbolic link at `path` itself is replaced, not followed.

    The content is on the disk (`fsync`) before it is renamed, and the new name before this returns.
    So a loss of power leaves either the old file or the new one.

    Raises:
        WorkError: the file could not be written; no part of it is left.
    """
    try:
        make_folder(path.parent)
        with _folder_beside(path.parent) as folder:
            write(folder / path.name)
            _sync_all(folder / path.name)
            (folder / path.name).replace(path)
        sync(path.parent)
    except OSError as error:
        raise WorkError(f"{path}: cannot be written: {visible(cause(error))}") from error
    except (InputError, WorkError) as error:
        raise type(error)(visible(str(error))) from error


def check_path(path: str | Path) -> None:
    """Raises `InputError` if the path holds a null character."""
    if "\0" in str(path):
        raise InputError(f"{path}: a path cannot hold a null character; give another")


def make_folder(folder: Path) -> None:
    """Makes a folder and its absent parents; they are on the disk when this returns."""
    absent = []
    while not folder.exists():
        absent.append(folder)
        folder = folder.parent
    for folder in reversed(absent):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Returns when a file's content, or a folder's list of names, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:  # some file systems do this by themselves, or not for folders
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


def remove_partial(folder: Path) -> None:
    """Removes the temporary folders that killed processes left in a folder."""
    for path in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError), _locked(path, fcntl.LOCK_NB):
            shutil.rmtree(path)


@contextlib.contextmanager
def _folder_beside(folder: Path) -> Iterator[Path]:
    """A new folder in this one, removed afterwards. Its lock keeps `remove_partial` away."""
    remove_partial(folder)
    while True:
        new = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder))
        try:
            with contextlib.ExitStack() as stack:
                with contextlib.suppress(OSError):  # a file system without locks
                    stack.enter_context(_locked(new))
                if new.is_dir():  # else another process removed it before it was locked
                    yield new
                    return
        finally:
            shutil.rmtree(new, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, flags: int = 0) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | flags)
        yield
    finally:
        os.close(opened)


def _sync_all(path: Path) -> None:
    """Syncs a file, or a folder and everything in it, innermost first."""
    for parent, _, names in os.walk(path, topdown=False):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))
    if not path.is_dir():
        sync(path)
