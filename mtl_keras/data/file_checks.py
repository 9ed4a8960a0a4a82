"""Checks of a file that need all of its rows."""

from collections.abc import Callable

from mtl_keras.data.examples import Example
from mtl_keras.data.labels import LabelReader
from mtl_keras.data.rows import Note
from mtl_keras.errors import InputError

FEWEST_ROWS = 3  # if so many rows, and all of them, have one word, it is a mistake


class FileChecks:
    """Checks a file's rows as they are read.

    Args:
        path: of the file, or its table.
        place: a line → its place, for messages.
        reader: of its labels.
        note: receives oddities.
        has_sentences: whether each row holds a whole sentence.
    """

    def __init__(
        self,
        path: object,
        place: Callable[[int], str],
        reader: LabelReader,
        note: Note,
        *,
        has_sentences: bool,
    ):
        self._path, self._place, self._reader, self._note = path, place, reader, note
        self._has_sentences = has_sentences
        self._hidden = self._broken = 0
        self._rows = self._first_broken = 0

    def look(self, line: int, example: Example) -> None:
        """Checks a row; called after it was read."""
        reader = self._reader
        self._rows += 1
        self._has_sentences = self._has_sentences and len(example.words) == 1
        if reader.hidden > self._hidden:
            self._note("hidden", line, "")
        if reader.broken > self._broken:
            self._first_broken = self._first_broken or line
            self._note("broken_words", line, "")
        self._hidden, self._broken = reader.hidden, reader.broken

    def finish(self) -> None:
        """Checks all rows together; called after the last one.

        Raises:
            InputError: most spans begin or end inside a word; or every sentence has only one word.
        """
        spans, broken = self._reader.spans, self._reader.broken
        if 2 * broken > spans:
            raise InputError(
                f"{self._place(self._first_broken)}: {broken:,} of the file's {spans:,} spans "
                "begin or end inside a word; end is one past the last character, and offsets "
                "count code points, not UTF-16 units or bytes"
            )
        if self._has_sentences and self._rows >= FEWEST_ROWS and not spans:
            raise InputError(
                f"{self._path}: each row has one word, but a row must hold a whole sentence; or "
                "write CoNLL columns: one word per line, and an empty line after each sentence"
            )
