"""Path patterns (`data/**/*.csv`) as in `glob`, but with limits on how much is searched."""

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence

from mtl_keras.errors import InputError
from mtl_keras.storage.limits import FILES, SEARCHED

ANY_DEPTH = "**"
MOST_PARTS = 200  # of a pattern: the search recurses once for each
DEEPEST = 64  # nested folders that `**` searches
HAS_MAGIC = re.compile(r"[*?\[]").search


def find_matches(pattern: str, base_folder: str | os.PathLike = ".") -> list[str]:
    """The paths that a pattern matches, sorted, as `glob.glob` with `recursive=True` finds them.

    Names that begin with a dot match only parts that do. Links to folders are followed.

    Args:
        pattern: an absolute path, or one relative to the base folder.
        base_folder: its name is taken literally.

    Raises:
        InputError: the pattern matches more than `FILES` allows, or would have to look at more than
            `SEARCHED` names or at folders nested deeper than `DEEPEST`.
    """
    parts = [part for part in pattern.split("/") if part]
    # `**/**` means `**`, but would search everything twice.
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
    """Searches folders, and counts the names that it looks at."""

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
                    f"{self._pattern}: the pattern searches more than {DEEPEST} nested folders; "
                    "write a narrower one"
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
        """The names in a folder; none if it is not a folder or cannot be read."""
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
                f"{self._pattern}: the pattern searches {SEARCHED}; write a narrower one"
            )
