"""Chunks of texts hold a number of texts, and a number of characters."""

import pytest

from mtl_keras.encoders import chunks as chunks_module
from mtl_keras.encoders.chunks import chunks


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_chunks_hold_all_texts_in_order(size):
    texts = list("abcdefg")
    made = list(chunks(iter(texts), size))
    assert [text for chunk in made for text in chunk] == texts
    assert {len(chunk) for chunk in made[:-1]} <= {size}
    assert not list(chunks([], size))


def test_long_texts_make_small_chunks(monkeypatch):
    monkeypatch.setattr(chunks_module, "MOST_CHARACTERS", 10)
    texts = ["x" * length for length in (4, 6, 1, 100, 5, 5, 5)]
    assert [[len(text) for text in chunk] for chunk in chunks(texts, 9)] == [
        [4, 6],
        [1],
        [100],
        [5, 5],
        [5],
    ]


def test_no_more_is_read_than_is_asked_for():
    read = []
    made = chunks((read.append(text) or text for text in "abcdef"), 2)
    assert next(made) == ["a", "b"]
    assert len(read) <= 3
