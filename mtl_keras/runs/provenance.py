"""Records what a training was made from: versions, checksums of the data, their state in git."""

import contextlib
import hashlib
import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import listed
from mtl_keras.storage.file_cache import remembered
from mtl_keras.storage.files import member_files
from mtl_keras.version import __version__

PACKAGES = ("tensorflow", "tensorflow-text", "keras", "numpy")
GIT_SECONDS = 10
BLOCK = 2**20
# The start of a fingerprint of a file that was not read.
BY_TIME = "size and time of modification: "


def provenance(datasets: Mapping[str, TaskDataset], folder: Path) -> dict:
    """`versions`, `data` and `git` of a training. Files that were not read are not read here.

    Args:
        datasets: task → its files.
        folder: of the recipe.
    """
    unread = {file for of_task in datasets.values() for file in _all(of_task.unread_files)}
    files = sorted({file for of_task in datasets.values() for file in _all(of_task.files)} - unread)
    return {
        "versions": versions(),
        "data": fingerprints(datasets, folder),
        "git": git_states(files, folder),
    }


def versions() -> dict[str, str]:
    """Package → version, for the packages that a training's results depend on."""
    by_package = {"mtl_keras": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            by_package[package] = version(package)
    return by_package


def fingerprints(
    datasets: Mapping[str, TaskDataset], folder: Path, like: Mapping[str, str] | None = None
) -> dict[str, str]:
    """File, or name of a table from memory → SHA-256 of its content.

    The checksum of a file is cached until the file changes. For files that were not read before
    training it is their size and modification time. Files that no longer exist are left out.

    Args:
        datasets: task → its files.
        folder: of the recipe; files are named relative to it.
        like: earlier fingerprints to compare with; each file's is made in the same way.

    Raises:
        OSError: a file cannot be read.
    """
    by_file = {}
    for of_task in datasets.values():
        unread = set(_all(of_task.unread_files))
        for file in _all(of_task.files):
            name = os.path.relpath(file, folder)
            before = (like or {}).get(name)
            by_time = file in unread if before is None else before.startswith(BY_TIME)
            with contextlib.suppress(FileNotFoundError):
                by_file[name] = _size_and_time(file) if by_time else _sha256(file)
        by_file |= of_task.table_fingerprints
    return dict(sorted(by_file.items()))


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files that differ, are new, or no longer exist.

    Example:

    >>> changed_files({"a.csv": "1", "b.csv": "2"}, {"b.csv": "3", "c.csv": "4"})
    ['a.csv', 'b.csv', 'c.csv']
    """
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def describe_changes(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """A line that names the files that differ; None if none does."""
    changed = changed_files(before, now)
    return f"changed since the run began: {listed(changed)}" if changed else None


def git_states(files: Iterable[str], folder: Path) -> dict[str, dict]:
    """Repository → its `commit`, and which of these files are `changed` since that commit.

    Repositories and files are named relative to the folder. Contents are compared by their hashes
    in the commit's tree, so nothing that a repository configures is run. Empty without git.
    """
    of_repository: dict[str, list[str]] = defaultdict(list)
    for file in files:
        top = _git(os.path.dirname(file), "rev-parse", "--show-toplevel")
        if top is not None:
            of_repository[top.removesuffix("\n")].append(file)
    states = {}
    for top, inside in of_repository.items():
        commit = _git(top, "rev-parse", "--verify", "--quiet", "HEAD")
        if commit is not None:
            committed = _tree(top, inside)
            changed = [
                file for file in inside if not _has_content(file, committed.get(_place(file, top)))
            ]
            states[os.path.relpath(top, folder)] = {
                "commit": commit.strip(),
                "changed": [os.path.relpath(file, folder) for file in changed],
            }
    return states


def _all(paths: Iterable[str]) -> list[str]:
    """The files, and all files in the folders."""
    return [file for path in paths for file in member_files(path)]


def _sha256(file: str) -> str:
    def find() -> dict[str, str]:
        with open(file, "rb") as opened:
            return {"sha256": hashlib.file_digest(opened, "sha256").hexdigest()}

    return remembered(file, {"facts": "sha256"}, find)["sha256"]


def _size_and_time(file: str) -> str:
    status = os.stat(file)
    return f"{BY_TIME}{status.st_size} bytes, {status.st_mtime_ns} ns"


def _tree(top: str, files: Iterable[str]) -> dict[str, str]:
    """File, relative to the repository → the hash of its content in the commit."""
    places = [_place(file, top) for file in files]
    listing = _git(top, "ls-tree", "-z", "--full-tree", "HEAD", "--", *places) or ""
    rows = (row.partition("\t") for row in listing.split("\0") if row)
    return {path: facts.split()[2] for facts, _, path in rows}


def _has_content(file: str, name: str | None) -> bool:
    """Whether a file has the content with this hash in git."""
    if name is None:
        return False
    kind = "sha256" if len(name) == 64 else "sha1"
    return remembered(file, {"facts": f"git {kind}"}, lambda: {"name": _blob(file, kind)}) == {
        "name": name
    }


def _blob(file: str, kind: str) -> str:
    """Git's hash of a file's content."""
    digest = hashlib.new(kind, f"blob {os.path.getsize(file)}\0".encode(), usedforsecurity=False)
    with open(file, "rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _place(file: str, top: str) -> str:
    return os.path.relpath(os.path.realpath(file), os.path.realpath(top))


def _git(folder: str, *arguments: str) -> str | None:
    """The output of git; None if it fails or is not installed."""
    try:
        result = subprocess.run(
            ["git", "-C", folder or ".", "--literal-pathspecs", *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return result.stdout if result.returncode == 0 else None
