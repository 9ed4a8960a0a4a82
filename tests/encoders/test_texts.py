"""What is a list of texts, and what is not: the item is named."""

import numpy as np
import pytest

from mtl_keras.encoders.texts import checked_texts
from mtl_keras.errors import InputError

TEXTS = ["good", "", "schön 😀"]


@pytest.mark.parametrize(
    "texts", [TEXTS, tuple(TEXTS), iter(TEXTS), np.array(TEXTS), np.array(TEXTS, object)]
)
def test_ordered_strings_are_read_once(texts):
    assert checked_texts(texts) == TEXTS


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("good", r"texts: 'good' came, a list of strings was expected: \[text\]"),
        (b"good", r"texts: b'good' came, a list"),
        (None, "texts: NoneType came"),
        (7, "texts: int came"),
        ({"text": ["a"]}, "texts: dict came"),
        ({"a", "b"}, "texts: set came"),
        (np.array("a"), r"texts: ndarray of shape \(\) came"),
        (np.array([["a"]]), r"texts: ndarray of shape \(1, 1\) came, a list or one column"),
        (["a", None], r"texts\[1\]: None came, a string was expected; fill it in"),
        (["a", float("nan")], r"texts\[1\]: nan came"),
        (["a", b"b"], r"texts\[1\]: b'b' came, a string was expected; decode it"),
        (np.array([b"a"]), r"texts\[0\]: .*decode it"),
        ([["a"]], r"texts\[0\]: \['a'\] came"),
        (["a", "\ud83d"], r"texts\[1\]: '\\ud83d' has half a surrogate pair"),
    ],
)
def test_what_is_no_text_is_named(texts, message):
    with pytest.raises(InputError, match=message):
        checked_texts(texts)
