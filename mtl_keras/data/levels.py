"""Which level of an encoder a task's head reads, as recipes name it."""

import re

from mtl_keras.errors import InputError, shown

LAST, MIX, AUTO = "last", "mix", "auto"  # beside those of a block, `block_3`


def check_level(task: str, reads: object) -> None:
    """Raises InputError if a task cannot read there.

    Args:
        task: its name, for the message.
        reads: `last`, `block_<k>`, `mix` or `auto`.
    """
    known = rf"{LAST}|{MIX}|{AUTO}|block_\d{{1,4}}"
    if not isinstance(reads, str) or not re.fullmatch(known, reads):
        raise InputError(
            f"task {task!r}: reads is {LAST}, block_<k>, {MIX} or {AUTO}. Received: {shown(reads)}"
        )
