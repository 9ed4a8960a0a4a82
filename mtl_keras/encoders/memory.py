"""How this process gets its memory."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Tells the C library to keep what tensors free, for the next ones.

    A training step frees and takes hundreds of megabytes. By default glibc gives large blocks back
    to the system each time and gets them again page by page, which on two cores took up to half of
    a step. Memory use rises to its peak and stays there. On other C libraries nothing happens.

    Source: mallopt(3), `M_MMAP_MAX`, `M_TRIM_THRESHOLD`.
    """
    _set(M_MMAP_MAX, 0)
    _set(M_TRIM_THRESHOLD, -1)


def share_freed_memory() -> None:
    """Makes all threads take memory from one arena of the C library.

    By default glibc gives threads up to eight arenas a core, and memory that was freed in one arena
    is not used by another. So a server with many threads grows until each arena has served the
    largest request. Call it before the threads start. On other C libraries nothing happens.

    Source: mallopt(3), `M_ARENA_MAX`.
    """
    _set(M_ARENA_MAX, 1)


def _set(option: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(option, value)
