"""Settings of the C library's memory allocation for this process."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Makes the C library keep freed memory for the next tensors.

    A training step frees and allocates hundreds of megabytes. By default glibc returns large blocks
    to the system each time and gets them again page by page, which on two cores took up to half of
    a step. Memory use rises to its peak and stays there. With other C libraries, nothing happens.

    Source: mallopt(3), `M_MMAP_MAX`, `M_TRIM_THRESHOLD`.
    """
    _set(M_MMAP_MAX, 0)
    _set(M_TRIM_THRESHOLD, -1)


def share_freed_memory() -> None:
    """Makes all threads share one memory arena of the C library.

    By default glibc uses up to eight arenas per core, and memory freed in one arena is not used by
    another. So a server with many threads grows until each arena has served the largest request.
    Call this before the threads start. With other C libraries, nothing happens.

    Source: mallopt(3), `M_ARENA_MAX`.
    """
    _set(M_ARENA_MAX, 1)


def _set(option: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(option, value)
