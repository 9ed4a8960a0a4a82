"""Unpacks untrusted archives (`.tar`, `.tar.gz`) only if they can do no harm."""

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any, Self

from mtl_keras.errors import InputError

# Three times the weights of BERT-large, the largest encoder of this kind.
MOST_BYTES = 4 * 2**30
MOST_MEMBERS = 10_000  # a SavedModel has about ten
LONGEST_NAME = 2**16  # bytes; a name is read into memory before it can be checked
BLOCK = 2**20
GZIP = b"\x1f\x8b"


def unpack(stream: IO[bytes], folder: Path) -> None:
    """Unpacks an archive while it is read. Refuses it before writing a file that is too large, or
    outside of the folder.

    Args:
        stream: a tar file, which may be compressed with gzip.
        folder: for its files. If the archive is refused, files written before remain.

    Raises:
        InputError: the archive holds a path outside of the folder, a link, a device, or more than
            `MOST_BYTES` or `MOST_MEMBERS`; or it is not an archive, or damaged.
        OSError: the stream cannot be read, or the folder cannot be written.
    """
    packed = io.BufferedReader(stream)  # type: ignore[type-var]
    plain: Any = gzip.GzipFile(fileobj=packed) if packed.peek(2)[:2] == GZIP else packed
    bounded: Any = _Bounded(plain)
    total = 0
    try:
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_Header) as archive:
            for number, member in enumerate(archive, 1):
                total += member.size
                _check(member, number, total)
                archive.extract(member, folder, set_attrs=False, filter="data")
        while bounded.read(BLOCK):  # up to the checksum at the end
            pass
    except InputError:
        raise
    except tarfile.FilterError as error:
        raise InputError(f"the archive would write elsewhere ({error}); do not use it") from None
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        raise InputError(
            f"not a complete .tar or .tar.gz archive ({error}); check the address and the network"
        ) from None


def _check(member: tarfile.TarInfo, number: int, total: int) -> None:
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise InputError(
            f"the archive holds {member.name!r}, neither a plain file nor a folder; do not use it"
        )
    if ".." in Path(member.name).parts or Path(member.name).is_absolute():
        raise InputError(f"the archive would write {member.name!r}, elsewhere; do not use it")
    if number > MOST_MEMBERS:
        raise InputError(f"the archive holds more than {MOST_MEMBERS:,} files; do not use it")
    if not 0 <= member.size <= total <= MOST_BYTES:
        raise _too_large()


def _too_large() -> InputError:
    return InputError(
        f"the archive holds more than {MOST_BYTES / 2**30:g} GiB, which no encoder needs; unpack "
        "it by hand and give the folder if it is what you want"
    )


class _Header(tarfile.TarInfo):
    """A member's header. Long names and the like, which are stored as members, are limited."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        is_header = not (member.isreg() or member.isdir())
        if member.size < 0 or (is_header and member.size > LONGEST_NAME):
            raise InputError(f"the archive holds a header of {member.size:,} bytes; do not use it")
        return member


class _Bounded:
    """Reads at most `MOST_BYTES`, plus room for headers."""

    def __init__(self, stream: Any):
        self._stream, self._left = stream, MOST_BYTES + 1024 * MOST_MEMBERS

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise _too_large()
        return content
