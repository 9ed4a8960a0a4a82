"""The most memory that this process has had."""

import re
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """The largest resident set of this process so far, in bytes.

    On Linux it is read from `/proc`, as `ru_maxrss` may be that of the process that started this
    one (proc(5), getrusage(2)).

    Example:

    >>> peak_bytes() > 10_000_000
    True
    """
    if STATUS.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
