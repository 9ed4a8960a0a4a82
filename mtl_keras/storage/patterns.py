"""Patterns of paths (`data/**/*.csv`), as `glob` reads them, but with an end."""

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence

from mtl_keras.errors import InputError
from mtl_keras.storage.limits import FILES, SEARCHED

ANY_DEPTH = "**"
MOST_PARTS = 200  # of a pattern, which is followed part by part
DEEPEST = 64  # folders in each other that `**` looks into
HAS_MAGIC = re.compile(r"[*?\[]").search


def find_matches(pattern: str, base_folder: str | os.PathLike = ".") -> list[str]:
    """The paths that a pattern matches, sorted: those of `glob.glob` with `recursive=True`.

    Names that begin with a dot match only a part that does. Links to folders are followed.

    Args:
        pattern: of the whole path, or of one in the base folder.
        base_folder: may have any name.

    Raises:
        InputError: it matches more than `FILES` allows; or to find that out more than `SEARCHED`
            names would be looked at, or folders more than `DEEPEST` in each other.
    """
    parts = [part for part in pattern.split("/") if part]
    # `**/**` is `**`, and would look at everything twice.
    pairs = zip(["", *parts], parts, strict=False)
    parts = [part for before, part in pairs if not before == part == ANY_DEPTH]
    if len(parts) > MOST_PARTS:
        raise InputError(f"{pattern}: a pattern of more than {MOST_PARTS} parts; shorten it")
    folder = "/" if pattern.startswith("/") else os.fspath(base_folder)
    is_wanted = os.path.isdir if pattern.endswith("/") else os.path.lexists
    matches: set[str] = set()
    most = FILES.most
    for path in _Search(pattern).below(folder, parts):
        if os.path.normpath(path) != os.path.normpath(folder) and is_wanted(path):
            matches.add(path)
        if len(matches) > most:
            raise InputError(f"{pattern}: the pattern matches {FILES}; write a narrower one")
    return sorted(matches)


class _Search:
    """Looks into folders, and counts the names in them."""

    def __init__(self, pattern: str):
        self._pattern, self._most, self._seen = pattern, SEARCHED.most, 0

    def below(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """The paths in a folder that these parts of a pattern match."""
        if not parts:
            yield folder
            return
        part, *rest = parts
        if part == ANY_DEPTH:
            yield from self._at_any_depth(folder, rest)
        elif not HAS_MAGIC(part):
            path = os.path.join(folder, part)
            if os.path.lexists(path):
                yield from self.below(path, rest)
        else:
            for path in self._matching(folder, part):
                yield from self.below(path, rest)

    def _at_any_depth(self, folder: str, rest: Sequence[str]) -> Iterator[str]:
        folders = [(folder, 1)]
        while folders:
            folder, depth = folders.pop()
            if depth > DEEPEST:
                raise InputError(
                    f"{self._pattern}: the pattern looks at more than {DEEPEST} folders in each "
                    "other; write a narrower one"
                )
            yield from self.below(folder, rest)
            for path in self._matching(folder, "*"):
                if os.path.isdir(path):
                    folders.append((path, depth + 1))
                elif not rest:
                    yield path

    def _matching(self, folder: str, part: str) -> Iterator[str]:
        matches, hidden = re.compile(fnmatch.translate(part)).match, part.startswith(".")
        for name in self._names(folder):
            if (hidden or not name.startswith(".")) and matches(name):
                yield os.path.join(folder, name)

    def _names(self, folder: str) -> list[str]:
        """The names in a folder; none if it is no folder, or may not be read."""
        names = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    names.append(entry.name)
                    self._count()
        except OSError:
            return []
        return names

    def _count(self) -> None:
        self._seen += 1
        if self._seen > self._most:
            raise InputError(
                f"{self._pattern}: the pattern looks at {SEARCHED}; write a narrower one"
            )
