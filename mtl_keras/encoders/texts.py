"""What is a list of texts: the one check of all that take strings from Python."""

from collections.abc import Mapping, Set
from typing import Any

from mtl_keras.errors import InputError, shown

_HALF = "has half a surrogate pair, which is no character; read the text as UTF-8"


def checked_texts(texts: Any) -> list[str]:
    """Texts, read once, as a list.

    Args:
        texts: any ordered collection of strings: a list, an array, a column, an iterator.

    Raises:
        InputError: one string, a table, or what has no order; an item that is no string, or holds
            half a surrogate pair. The item is named, counted from 0.

    Example:

    >>> checked_texts(("good", "bad"))
    ['good', 'bad']
    """
    if isinstance(texts, str | bytes):
        raise InputError(f"texts: {shown(texts)} came, a list of strings was expected: [text]")
    if isinstance(texts, Mapping | Set) or getattr(texts, "ndim", 1) != 1:
        raise _no_list(texts)
    try:
        items = list(texts)
    except TypeError:
        raise _no_list(texts) from None
    for place, text in enumerate(items):
        if not isinstance(text, str):
            raise InputError(
                f"texts[{place}]: {shown(text)} came, a string was expected{_cure(text)}"
            )
        if not (text.isascii() or _is_unicode(text)):
            raise InputError(f"texts[{place}]: {shown(text)} {_HALF}")
    return items


def _cure(item: Any) -> str:
    if isinstance(item, bytes):
        return "; decode it"
    is_absent = item is None or isinstance(item, float)  # a missing value of pandas is NaN
    return "; fill it in or remove the row" if is_absent else ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_list(texts: Any) -> InputError:
    kind = type(texts).__name__
    shape = f" of shape {texts.shape}" if hasattr(texts, "shape") else ""
    return InputError(f"texts: {kind}{shape} came, a list or one column of strings was expected")
