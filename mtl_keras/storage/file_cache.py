"""What was found out about a file, kept in the user's cache folder until the file changes."""

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

SMALLEST = 64 * 2**10  # bytes; what is smaller is read again in a few milliseconds
# A file that changed so lately may change once more without its time moving on (FAT: 2 seconds).
SETTLED_SECONDS = 2.0

Facts = dict[str, Any]


def remembered(path: str, question: Mapping[str, Any], find: Callable[[], Facts]) -> Facts:
    """The facts about a file or folder: those that are kept, else what `find` gives, kept.

    They are kept as JSON in `$XDG_CACHE_HOME/mtl_keras/files` (`~/.cache` if that is not set),
    with their checksum and with size, times of modification and of change of every file, as they
    were before it was read: to compare these costs no reading, and no program sets the time of
    change. What is damaged, or of a file that has changed since, is found out anew. Without a
    folder that can be written nothing is kept.

    Args:
        path: the file, or the folder with all files in it.
        question: what the facts depend on beside the file, as JSON holds it.
        find: reads the file. What it raises is not kept.

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
    """Where facts are kept; None if the user has no such place."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return root / "mtl_keras" / "files"


def _entry(path: str, question: Mapping[str, Any]) -> Path | None:
    """The file of the answer to a question: a changed file's takes the place of the old one."""
    folder = cache_folder()
    asked = json.dumps([__version__, os.path.realpath(path), question])
    name = hashlib.sha256(asked.encode(errors="surrogatepass")).hexdigest()
    return folder and folder / f"{name[:40]}.json"


def _fingerprint(path: str) -> list[list[int]]:
    """Size, time of modification and of change of each file, in nanoseconds; empty: unknown."""
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
