"""Files and folders that are whole and on the disk before they are in their place."""

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
    """Calls `write` with a path beside the place of a file or folder, then puts it there.

    That path is in a new folder that only this user can open and no other process writes in, so
    nothing that is written follows a symbolic link, and of two writers of one file the last one's
    is there, whole; a link in the file's own place is replaced, not followed.

    What was written is on the disk (`fsync`) before it is renamed, and so is its new name before
    this returns: a loss of power leaves the old file or the new one.

    Raises:
        WorkError: it could not be written; nothing of it is left.
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
    """Raises `InputError` if no file can have this path: it holds a null character."""
    if "\0" in str(path):
        raise InputError(f"{path}: a path cannot hold a null character; give another")


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, if absent, so that a loss of power leaves them there."""
    absent = []
    while not folder.exists():
        absent.append(folder)
        folder = folder.parent
    for folder in reversed(absent):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Returns when a file's content, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:  # a file system that does this of itself, or not for folders
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


def remove_partial(folder: Path) -> None:
    """Removes what killed processes were making in a folder."""
    for path in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError), _locked(path, fcntl.LOCK_NB):
            shutil.rmtree(path)


@contextlib.contextmanager
def _folder_beside(folder: Path) -> Iterator[Path]:
    """A new folder in this one, removed afterwards. It is locked, so that others let it be."""
    remove_partial(folder)
    while True:
        new = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder))
        try:
            with contextlib.ExitStack() as stack:
                with contextlib.suppress(OSError):  # a file system without locks
                    stack.enter_context(_locked(new))
                if new.is_dir():  # else one that looked for what is left took it for that
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
    """A file, or a folder and all in it, from the inside out."""
    for parent, _, names in os.walk(path, topdown=False):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))
    if not path.is_dir():
        sync(path)
