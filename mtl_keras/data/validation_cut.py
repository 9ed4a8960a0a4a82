"""Which training examples become the validation split, if a task has no validation files."""

import zlib
from collections.abc import Callable

Cut = Callable[[str, int], bool]  # text, position → whether it belongs to validation


def is_cut_off_by_text(text: str, position: int) -> bool:
    """Whether a checksum picks this text; it picks about a tenth."""
    return zlib.crc32(text.encode()) % 10 == 0


def is_cut_off_by_position(text: str, position: int) -> bool:
    """Whether a row is the first of ten."""
    return position % 10 == 0
