"""Caches facts about a file in the user's cache folder until the file changes."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mtl_keras.errors import WorkError
from mtl_keras.storage.files import member_files
from mtl_keras.storage.writing import write_whole
from mtl_keras.version import __version__

SMALLEST = 64 * 2**10  # bytes; a smaller file is read again in a few milliseconds
# A file changed more recently may change again without a new timestamp (FAT stores 2-second steps).
SETTLED_SECONDS = 2.0

Facts = dict[str, Any]


def remembered(path: str, question: Mapping[str, Any], find: Callable[[], Facts]) -> Facts:
    """The facts about a file or folder: from the cache, or else from `find`, then cached.

    An entry is a JSON file in `$XDG_CACHE_HOME/mtl_keras/files` (`~/.cache` if that is not set).
    It holds the facts, a checksum, and the size, modification time and change time of every file
    before it was read. Comparing these needs no reading, and no program can set a change time. An
    entry is ignored if it is damaged or a file has changed since. If the cache folder cannot be
    written, nothing is cached.

    Args:
        path: the file, or a folder, which stands for all files in it.
        question: what the facts depend on besides the file, as JSON values.
        find: reads the file and returns the facts. Errors that it raises are not cached.

    Example:

    >>> remembered("/dev/null", {"what": "lines"}, lambda: {"lines": 0})
    {'lines': 0}
    """
    entry, before = _entry(path, question), _fingerprint(path)
    if entry is None or not before or sum(size for size, *_ in before) < SMALLEST:
        return find()
    kept = _read(entry, before)
    if kept is not None:
        return kept
    facts = find()
    latest = max(times for _, *both in before for times in both)
    if time.time_ns() - latest > SETTLED_SECONDS * 1e9 and _fingerprint(path) == before:
        content = json.dumps({"facts": facts, "files": before})
        with contextlib.suppress(WorkError):
            write_whole(entry, lambda place: place.write_text(_checksum(content) + content))
    return facts


def cache_folder() -> Path | None:
    """The cache folder; None if the user has no home folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return root / "mtl_keras" / "files"


def _entry(path: str, question: Mapping[str, Any]) -> Path | None:
    """The cache file for a question about a path. An entry for a changed file replaces the old."""
    folder = cache_folder()
    key = json.dumps([__version__, os.path.realpath(path), question])
    name = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return folder and folder / f"{name[:40]}.json"


def _fingerprint(path: str) -> list[list[int]]:
    """Size in bytes, modification and change time in ns of each file; empty if unknown."""
    try:
        files = [os.stat(file) for file in member_files(path)]
    except OSError:
        return []
    return [[file.st_size, file.st_mtime_ns, file.st_ctime_ns] for file in files]


def _read(entry: Path, fingerprint: list[list[int]]) -> Facts | None:
    try:
        written = entry.read_text()
        checksum, content = written[:64], written[64:]
        kept = json.loads(content) if checksum == _checksum(content) else {}
    except (OSError, ValueError):
        return None
    return kept["facts"] if kept.get("files") == fingerprint else None


def _checksum(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
