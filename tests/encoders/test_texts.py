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
        ("good", r"texts must be a list of strings: \[text\]\. Received: 'good'"),
        (b"good", r"texts must be a list of strings: .* Received: b'good'"),
        (None, "texts must be a list or .* Received: NoneType"),
        (7, "texts must be a list or .* Received: int"),
        ({"text": ["a"]}, "texts must be a list or .* Received: dict"),
        ({"a", "b"}, "texts must be a list or .* Received: set"),
        (np.array("a"), r"texts must be a list or one column .* Received: ndarray of shape \(\)"),
        (
            np.array([["a"]]),
            r"texts must be a list or one column .* Received: ndarray of shape \(1, 1\)",
        ),
        (["a", None], r"texts\[1\] must be a string\. Received: None; fill it in"),
        (["a", float("nan")], r"texts\[1\] must be a string\. Received: nan"),
        (["a", b"b"], r"texts\[1\] must be a string\. Received: b'b'; decode it"),
        (np.array([b"a"]), r"texts\[0\] must be .*decode it"),
        ([["a"]], r"texts\[0\] must be a string\. Received: \['a'\]"),
        (["a", "\ud83d"], r"texts\[1\]: '\\ud83d' has half a surrogate pair"),
    ],
)
def test_what_is_no_text_is_named(texts, message):
    with pytest.raises(InputError, match=message):
        checked_texts(texts)
