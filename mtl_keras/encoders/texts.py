"""Checks lists of texts; everything that takes strings from Python uses this check."""

from collections.abc import Mapping, Set
from typing import Any

from mtl_keras.errors import InputError, shown

_HALF = "has half a surrogate pair, which is not a character; read the text as UTF-8"


def checked_texts(texts: Any) -> list[str]:
    """The texts as a list. Reads them once.

    Args:
        texts: any ordered collection of strings: a list, an array, a column, an iterator.

    Raises:
        InputError: `texts` is a single string, a table, or has no order; or an item is not a
            string, or holds half a surrogate pair. The message gives the item's index.

    Example:

    >>> checked_texts(("good", "bad"))
    ['good', 'bad']
    """
    if isinstance(texts, str | bytes):
        raise InputError(f"texts must be a list of strings: [text]. Received: {shown(texts)}")
    if isinstance(texts, Mapping | Set) or getattr(texts, "ndim", 1) != 1:
        raise _no_list(texts)
    try:
        items = list(texts)
    except TypeError:
        raise _no_list(texts) from None
    for place, text in enumerate(items):
        if not isinstance(text, str):
            raise InputError(
                f"texts[{place}] must be a string. Received: {shown(text)}{_cure(text)}"
            )
        if not (text.isascii() or _is_unicode(text)):
            raise InputError(f"texts[{place}]: {shown(text)} {_HALF}")
    return items


def _cure(item: Any) -> str:
    if isinstance(item, bytes):
        return "; decode it"
    is_absent = item is None or isinstance(item, float)  # pandas marks missing values with NaN
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
    return InputError(f"texts must be a list or one column of strings. Received: {kind}{shape}")
