"""What a training was made from: versions, the data's checksums, and their state in git."""

import contextlib
import hashlib
import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mtl_keras import __version__
from mtl_keras.datasets import TaskDataset
from mtl_keras.files import listed, member_files

PACKAGES = ("tensorflow", "tensorflow-text", "keras", "numpy")
GIT_SECONDS = 10
BLOCK = 2**20


def provenance(datasets: Mapping[str, TaskDataset], folder: Path) -> dict:
    """`versions`, `data` and `git` of a training.

    Args:
        datasets: task → its files.
        folder: of the recipe.
    """
    files = sorted({file for each in datasets.values() for file in _files(each)})
    return {
        "versions": versions(),
        "data": fingerprints(datasets, folder),
        "git": git_states(files, folder),
    }


def versions() -> dict[str, str]:
    """Package → version, of what the numbers of a training depend on."""
    found = {"mtl_keras": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def fingerprints(datasets: Mapping[str, TaskDataset], folder: Path) -> dict[str, str]:
    """File → SHA-256 of its content. Files are named relative to the recipe's folder.

    Raises:
        OSError: a file cannot be read.
    """
    files = sorted({file for each in datasets.values() for file in _files(each)})
    return {os.path.relpath(file, folder): _sha256(file) for file in files}


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files whose content differs, that are new, or that are gone.

    Example:

    >>> changed_files({"a.csv": "1", "b.csv": "2"}, {"b.csv": "3", "c.csv": "4"})
    ['a.csv', 'b.csv', 'c.csv']
    """
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def told_changes(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Which files differ, in a line; None where none does."""
    changed = changed_files(before, now)
    return f"changed since the run began: {listed(changed)}" if changed else None


def git_states(files: Iterable[str], folder: Path) -> dict[str, dict]:
    """Repository → its `commit`, and the `changed` ones of these files, as git has them there.

    Repositories and files are named relative to the folder. Contents are compared by their hashes
    in the commit's tree: nothing that a repository configures runs. Empty without git.
    """
    of_repository: dict[str, list[str]] = defaultdict(list)
    for file in files:
        top = _git(os.path.dirname(file), "rev-parse", "--show-toplevel")
        if top is not None:
            of_repository[top.removesuffix("\n")].append(file)
    states = {}
    for top, members in of_repository.items():
        commit = _git(top, "rev-parse", "--verify", "--quiet", "HEAD")
        if commit is not None:
            known = _tree(top, members)
            changed = [
                file for file in members if known.get(_place(file, top)) != _blob(file, known)
            ]
            states[os.path.relpath(top, folder)] = {
                "commit": commit.strip(),
                "changed": [os.path.relpath(file, folder) for file in changed],
            }
    return states


def _files(dataset: TaskDataset) -> list[str]:
    """The data set's files; those of a folder one by one."""
    return [file for path in dataset.files for file in member_files(path)]


def _sha256(file: str) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _tree(top: str, files: Iterable[str]) -> dict[str, str]:
    """File, relative to the repository → the name of its content in the commit."""
    places = [_place(file, top) for file in files]
    said = _git(top, "ls-tree", "-z", "--full-tree", "HEAD", "--", *places) or ""
    rows = (row.partition("\t") for row in said.split("\0") if row)
    return {path: facts.split()[2] for facts, _, path in rows}


def _blob(file: str, known: Mapping[str, str]) -> str:
    """The name that git gives a file's content."""
    kind = "sha256" if any(len(name) == 64 for name in known.values()) else "sha1"
    digest = hashlib.new(kind, f"blob {os.path.getsize(file)}\0".encode(), usedforsecurity=False)
    with open(file, "rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _place(file: str, top: str) -> str:
    return os.path.relpath(os.path.realpath(file), os.path.realpath(top))


def _git(folder: str, *arguments: str) -> str | None:
    """What git says; None where it says nothing good, or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", folder or ".", "--literal-pathspecs", *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
