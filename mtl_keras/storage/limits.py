"""Limits on what untrusted files may hold. Error messages name the variable that sets a limit."""

import os
from dataclasses import dataclass

from mtl_keras.errors import InputError, shown

LONGEST_NUMBER = 18  # digits


@dataclass(frozen=True)
class Limit:
    """The largest amount of something that is read before the file is refused.

    Args:
        variable: the environment variable that changes the limit.
        default: the limit if the variable is not set.
        unit: what is counted.

    Example:

    >>> str(Limit("MTL_KERAS_MAX_ROW_CHARACTERS", 1 << 22, "characters"))
    'more than 4,194,304 characters (set MTL_KERAS_MAX_ROW_CHARACTERS to allow more)'
    """

    variable: str
    default: int
    unit: str

    @property
    def most(self) -> int:
        """The current limit.

        Raises:
            InputError: the variable does not hold a whole number from 1.
        """
        text = os.environ.get(self.variable, "")
        if not text:
            return self.default
        if not (text.isascii() and text.isdigit() and int(text[:LONGEST_NUMBER]) > 0):
            raise InputError(
                f"the environment variable {self.variable} must be a whole number from 1. "
                f"Received: {shown(text)}"
            )
        return int(text[:LONGEST_NUMBER])

    def __str__(self) -> str:
        """The part of a message that says what is exceeded."""
        return f"more than {self.most:,} {self.unit} (set {self.variable} to allow more)"


ROW = Limit("MTL_KERAS_MAX_ROW_CHARACTERS", 1 << 22, "characters")
SENTENCE = Limit("MTL_KERAS_MAX_SENTENCE_WORDS", 1 << 20, "words")
LABELS = Limit("MTL_KERAS_MAX_LABELS", 100_000, "labels")
JSON_FILE = Limit("MTL_KERAS_MAX_JSON_CHARACTERS", 1 << 28, "characters")  # of one JSON array
UNPACKED = Limit("MTL_KERAS_MAX_GZ_RATIO", 200, "times its size")
FILES = Limit("MTL_KERAS_MAX_FILES", 10_000, "files")
SEARCHED = Limit("MTL_KERAS_MAX_SEARCHED", 100_000, "names")
RECIPE = Limit("MTL_KERAS_MAX_RECIPE_BYTES", 1 << 18, "bytes")
RECIPE_VALUES = Limit("MTL_KERAS_MAX_RECIPE_VALUES", 50_000, "values")
SMALL_FILE = Limit("MTL_KERAS_MAX_FILE_BYTES", 1 << 25, "bytes")  # JSON, vocabularies, graphs
