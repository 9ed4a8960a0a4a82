"""The names of the encoder levels that a task's head can read."""

import re

from mtl_keras.errors import InputError, shown

LAST, MIX, AUTO = "last", "mix", "auto"  # besides those of a block, such as `block_3`


def check_level(owner: str, reads: object) -> None:
    """Raises `InputError` if `reads` is not the name of a level.

    Args:
        owner: whose setting it is, for the message.
        reads: `last`, `block_<k>`, `mix` or `auto`.
    """
    pattern = rf"{LAST}|{MIX}|{AUTO}|block_\d{{1,4}}"
    if not isinstance(reads, str) or not re.fullmatch(pattern, reads):
        raise InputError(
            f"{owner}: reads is {LAST}, block_<k>, {MIX} or {AUTO}. Received: {shown(reads)}"
        )
