"""Errors of the operating system (`OSError`): the reason in words, and the cure."""

import errno
import os
import re

from mtl_keras.errors import InputError, WorkError, first_line

PARTIAL = ".partial-"  # prefix of the folders in which `storage.writing` prepares files
PLACE = "choose another place"
CURES = {
    errno.EACCES: f"give yourself the right to it (chmod, chown), or {PLACE}",
    errno.EPERM: f"give yourself the right to it (chmod, chown), or {PLACE}",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a part of the path is a file; check the path",
    errno.EISDIR: "give the path of a file",
    errno.EEXIST: "remove what is there, or choose another name",
    errno.ENOTEMPTY: "remove what is there, or choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "symbolic links lead in a circle, or where none may be; check the path",
    errno.EINVAL: "check the path",
    errno.EILSEQ: "choose a name that this file system can hold",
    errno.ENXIO: "give the path of a plain file",
    errno.ENODEV: "give the path of a plain file",
    errno.EXDEV: f"{PLACE}, on one file system",
    errno.EROFS: f"{PLACE}, or mount the disk for writing",
    errno.ENOSPC: "make room and try again",
    errno.EDQUOT: "make room within your quota and try again",
    errno.EFBIG: f"raise the largest size of a file (ulimit -f), or {PLACE}",
    errno.EMFILE: "raise the number of files that a process may open (ulimit -n) and try again",
    errno.ENFILE: "end other programs, or raise the system's number of open files, and try again",
    errno.ENOMEM: "make memory free and try again",
    errno.EAGAIN: "end other programs, or raise the number of processes (ulimit -u), and try again",
    errno.EBUSY: "wait until no other program uses it, and try again",
    errno.ETXTBSY: "wait until no other program uses it, and try again",
    errno.EIO: "the disk or its connection fails: check it, and restore the file if it is damaged",
    errno.ESTALE: "the network folder was changed or lost: mount it again and try again",
    errno.ENOTCONN: "the network folder was lost: mount it again and try again",
    errno.EHOSTDOWN: "the network folder was lost: mount it again and try again",
    errno.ETIMEDOUT: "check the connection and try again",
    errno.ENOLCK: f"this file system has no locks; {PLACE}",
    errno.ENOTSUP: f"this file system cannot do that; {PLACE}",
    errno.ENOSYS: f"this file system cannot do that; {PLACE}",
}
# Errors that the user's paths do not cause.
_OF_THE_MACHINE = {
    *(errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE),
    *(errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.ETXTBSY, errno.EIO, errno.ESTALE),
    *(errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS),
}
_IN_WORDS = {os.strerror(number): number for number in CURES}
# How safetensors, HDF5 and Python write an errno in their messages.
_AS_A_NUMBER = re.compile(r"\(os error (\d{1,4})\)|errno = (\d{1,4})\b|\[Errno (\d{1,4})\]")


def errno_of(error: Exception) -> int | None:
    """The errno of an error, if it is in `CURES`; else None.

    For libraries that do not raise `OSError`, the number or its words are read from the message.
    """
    number = getattr(error, "errno", None)
    if number is None:
        message = str(error)
        given = _AS_A_NUMBER.search(message)
        words = (number for words, number in _IN_WORDS.items() if words in message)
        number = int(given[given.lastindex or 1]) if given else next(words, None)
    return number if number in CURES else None


def refusal(error: Exception) -> str:
    """The system's reason and the cure; empty if the error is of another kind.

    Example:

    >>> refusal(OSError(28, "No space left on device", "/x/.partial-1/y"))
    'No space left on device; make room and try again'
    >>> refusal(ValueError("no header"))
    ''
    """
    number = errno_of(error)
    return "" if number is None else f"{os.strerror(number)}; {CURES[number]}"


def cause(error: Exception, otherwise: str = "try again") -> str:
    """Why something failed, and the cure.

    Args:
        error: what was raised.
        otherwise: the cure for errors that `CURES` does not list.

    Example:

    >>> cause(ValueError("no header"), "fetch a fresh copy")
    'no header; fetch a fresh copy'
    """
    words = getattr(error, "strerror", None) or first_line(error)
    return refusal(error) or f"{words}; {otherwise}"


def as_user_error(error: OSError) -> InputError | WorkError:
    """Turns an `OSError` from anywhere in the code into an error of one line."""
    kind = WorkError if errno_of(error) in _OF_THE_MACHINE else InputError
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if _is_path(name)]
    return kind(f"{visible(names[0])}: {cause(error)}" if names else visible(cause(error)))


def visible(text: str) -> str:
    """A path or message without the temporary folders in which files are prepared."""
    return re.sub(rf"{re.escape(PARTIAL)}\w*/?", "", text)


def _is_path(name: object) -> bool:
    return isinstance(name, str | bytes)
