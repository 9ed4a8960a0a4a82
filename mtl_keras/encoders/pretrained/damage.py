"""Errors of one line for untrusted files that cannot be read."""

import contextlib
import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import safetensors
import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from mtl_keras.errors import InputError, first_line, shown
from mtl_keras.storage.refusals import refusal
from mtl_keras.storage.regular_files import read_whole

DAMAGE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError),
    *(ArithmeticError, MemoryError, pickle.UnpicklingError, zipfile.BadZipFile),
    *(tf.errors.OpError, DecodeError, safetensors.SafetensorError),
)


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns any failure to read files into an `InputError` of one line."""
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        reason = f": {refusal(error)}" if refusal(error) else None
        raise InputError(
            f"{what} cannot be read{reason or f' ({first_line(error)}); fetch a fresh copy'}"
        ) from None


def check_inside(path: str, named_by: str) -> None:
    """Raises `InputError` if a path that a file names leaves the encoder's folder."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise InputError(
            f"{named_by} names {shown(path)}, which is outside of the folder; expected a path "
            "inside: fetch a fresh copy"
        )


def read_json(file: Path) -> dict:
    """The object in a JSON file.

    Raises:
        InputError: the file is missing, damaged or too large, or holds something else.
    """
    with reading(file.name):
        content = json.loads(read_whole(file))
    if not isinstance(content, dict):
        raise InputError(f"{file.name} does not hold an object; fetch a fresh copy")
    return content
