"""Files found by paths and globs, and their lines as strict UTF-8."""

import glob
import gzip
import itertools
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mtl_keras.errors import InputError, nearest
from mtl_keras.storage.refusals import cause

LONGEST_LINE = 1 << 24  # characters, as many as a field of a CSV file may have


def find_files(patterns: Sequence[str], base_folder: str | os.PathLike = ".") -> list[str]:
    """The files and folders that paths and globs stand for, each glob's in sorted order.

    Raises:
        InputError: nothing is there, nothing matches, or a file comes twice.
    """
    found: list[str] = []
    for pattern in map(os.path.expanduser, patterns):
        path = os.path.normpath(os.path.join(base_folder, pattern))
        matches = sorted(glob.glob(pattern, root_dir=base_folder, recursive=True))
        if os.path.exists(path):
            found.append(path)
        elif matches:
            found += [os.path.normpath(os.path.join(base_folder, match)) for match in matches]
        elif glob.has_magic(pattern):
            raise InputError(f"{path}: no file matches this pattern")
        else:
            raise InputError(f"{path}: no such file{_nearest_file(path)}")
    _check_once(found)
    return found


def member_files(path: str) -> list[str]:
    """The file itself; of a folder every file in it, sorted."""
    if not os.path.isdir(path):
        return [path]
    return sorted(str(file) for file in Path(path).rglob("*") if file.is_file())


def _check_once(paths: Sequence[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if os.path.realpath(path) in seen:
            raise InputError(f"{path}: comes twice among the files of one split; remove one")
        seen.add(os.path.realpath(path))


def read_lines(path: str | os.PathLike) -> Iterator[str]:
    """A file's lines, without their ends. Only a line feed ends a line, a carriage return may
    come before it; a byte order mark at the start is left out. `.gz` is unpacked.

    Raises:
        InputError: the file is missing, unreadable, or not UTF-8; a line is longer than
            `LONGEST_LINE`, as one that a small `.gz` unpacks to without end.
    """
    return (line.rstrip("\r\n") for line in raw_lines(os.fspath(path)))


def raw_lines(path: str) -> Iterator[str]:
    """Lines with their ends. Only a line feed ends a line; a byte order mark is left out."""
    try:
        with _open(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for number in itertools.count(1):
                line = file.readline(LONGEST_LINE + 1)
                if len(line) > LONGEST_LINE:
                    raise InputError(
                        f"{path}:{number}: a line of more than {LONGEST_LINE:,} characters; end "
                        "each row with a line feed, or cut its text"
                    )
                if not line:
                    return
                yield line
    except UnicodeDecodeError:
        line = _undecodable_line(path)
        raise InputError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read: {cause(error, 'give a file that is whole')}"
        ) from None


def _open(path: str, mode: str, **options: Any) -> Any:
    return (gzip.open if path.lower().endswith(".gz") else open)(path, mode, **options)


def _undecodable_line(path: str) -> int:
    with _open(path, "rb") as file:
        longest = 4 * LONGEST_LINE + 4  # bytes; no line before the one that is sought has more
        for line, string in enumerate(iter(lambda: file.readline(longest), b""), 1):
            try:
                string.decode()
            except UnicodeDecodeError:
                return line
    return 1


def _nearest_file(path: str) -> str:
    folder, name = os.path.split(path)
    return nearest(name, glob.glob("*", root_dir=folder or "."))
