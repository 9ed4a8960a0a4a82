"""What the system refuses, for root too: rights that are kept, and calls that fail."""

import contextlib
import ctypes
import os
from collections.abc import Iterator

import pytest

CAPABILITIES = 0x20080522  # version 3 of Linux's `capset`, with two words of 32 bits
OVERRIDE_RIGHTS = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextlib.contextmanager
def bound_by_rights() -> Iterator[None]:
    """Inside this context, the rights of files hold for this thread, also if it is root's."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, words = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, words):
        pytest.skip("needs the capabilities of Linux")
    effective = words[0]
    words[0] &= ~OVERRIDE_RIGHTS
    libc.capset(header, words)
    try:
        yield
    finally:
        words[0] = effective
        libc.capset(header, words)


def failing(number: int, path: str | None = None):
    """A function that the system refuses, whatever it is called with."""

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number), path)

    return refuse
