"""Finds files by paths and globs, and reads their lines as strict UTF-8."""

import codecs
import io
import itertools
import os
import zlib
from collections.abc import Iterator, Sequence

from mtl_keras.errors import InputError, nearest
from mtl_keras.storage.limits import FILES, ROW
from mtl_keras.storage.patterns import HAS_MAGIC, find_matches
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.regular_files import check_regular, open_unpacked

UTF_8, BYTE_ORDER_MARK = "utf-8-sig", "\ufeff"
NEIGHBOURS = 1000  # most file names that a missing file's name is compared with


_PACKED = ("PK\x03\x04", "\x1f")  # how archives begin, in every single-byte encoding


def find_files(patterns: Sequence[str], base_folder: str | os.PathLike = ".") -> list[str]:
    """The files and folders that paths and globs match; matches of a glob are sorted.

    Raises:
        InputError: a path does not exist, a glob matches nothing, a file occurs twice or is a pipe,
            a socket or a device; or a glob matches more than `limits.FILES` allows, or has to look
            at more than `limits.SEARCHED`.
    """
    paths: list[str] = []
    for pattern in map(os.path.expanduser, patterns):
        path = os.path.normpath(os.path.join(base_folder, pattern))
        if os.path.exists(path):
            paths.append(path)
        elif not HAS_MAGIC(pattern):
            raise InputError(f"{path}: no such file{_nearest_file(path)}")
        elif matches := find_matches(pattern, base_folder):
            paths += map(os.path.normpath, matches)
        else:
            raise InputError(f"{path}: no file matches this pattern")
    for path in paths:
        check_regular(path)
    _check_once(paths)
    return paths


def member_files(path: str) -> list[str]:
    """The file itself, or every file in a folder, sorted.

    Raises:
        InputError: the folder holds more than `limits.FILES` allows.
    """
    if not os.path.isdir(path):
        return [path]
    files: list[str] = []
    left = FILES.most
    for folder, folders, names in os.walk(path):
        files += [file for name in names if os.path.isfile(file := os.path.join(folder, name))]
        left -= len(folders) + len(names)
        if left < 0:
            raise InputError(f"{path}: the folder holds {FILES}; give a folder of data only")
    return sorted(files)


def _check_once(paths: Sequence[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if os.path.realpath(path) in seen:
            raise InputError(f"{path}: listed twice among the files of one split; remove one")
        seen.add(os.path.realpath(path))


def read_lines(path: str | os.PathLike, encoding: str | None = None) -> Iterator[str]:
    """A file's lines, without line ends. Only `\\n` and `\\r\\n` end a line.

    A byte order mark at the start is removed. A `.gz` file is unpacked.

    Args:
        path: of the file.
        encoding: of its text, as Python names it; None means UTF-8.

    Raises:
        InputError: the file is missing, unreadable, not a regular file, or not in the encoding; a
            line is longer than `limits.ROW` allows, or a `.gz` unpacks to more than
            `limits.UNPACKED`.
    """
    return (line.rstrip("\r\n") for line in raw_lines(os.fspath(path), encoding))


def raw_lines(path: str, encoding: str | None = None) -> Iterator[str]:
    """Lines with their line ends. Only `\\n` ends a line; a byte order mark is removed."""
    try:
        longest = ROW.most
        codec = encoding or UTF_8
        with io.TextIOWrapper(open_unpacked(path), encoding=codec, newline="\n") as file:
            for number in itertools.count(1):
                line = file.readline(longest + 1)
                if len(line) > longest:
                    raise InputError(
                        f"{path}:{number}: a line of {ROW}; end each row with a line feed, or "
                        "shorten its text"
                    )
                if not line:
                    return
                if number == 1 and line.startswith(_PACKED) and (fault := _packed(path)):
                    raise InputError(fault)
                yield line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
    except UnicodeError:
        raise InputError(_not_decodable(path, encoding)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read: {cause(error, 'give a complete file')}"
        ) from None


def _not_decodable(path: str, encoding: str | None) -> str:
    """The message for text that is not in its encoding, with the line if it can be found."""
    if fault := _packed(path):
        return fault
    if encoding is not None:
        return f"{path}: not in its encoding, {encoding}; correct that, or save the file as UTF-8"
    with open_unpacked(path) as file:
        is_utf_16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if is_utf_16:
        return f"{path}:1: not UTF-8 but UTF-16; set encoding: utf-16, or save the file as UTF-8"
    cure = "save the file as UTF-8, or set its encoding (for Excel files often encoding: cp1252)"
    return f"{path}:{_undecodable_line(path)}: not UTF-8; {cure}"


def _packed(path: str) -> str:
    """The message for a file that is packed although its name does not say so; else empty."""
    with open_unpacked(path) as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        return f"{path}: packed with gzip; give it a name that ends in .gz, or unpack it"
    if start == b"PK\x03\x04":
        return f"{path}: a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV"
    return ""


def _undecodable_line(path: str) -> int:
    with open_unpacked(path) as file:
        longest = 4 * ROW.most + 4  # bytes; no line before the undecodable one is longer
        for line, string in enumerate(iter(lambda: file.readline(longest), b""), 1):
            try:
                string.decode()
            except UnicodeDecodeError:
                return line
    return 1


def _nearest_file(path: str) -> str:
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in itertools.islice(entries, NEIGHBOURS)]
    except OSError:
        return ""
    return nearest(name, [name for name in names if not name.startswith(".")])
