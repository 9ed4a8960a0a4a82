"""Features come back as they were put, in memory or in a file."""

import numpy as np
import pytest

from mtl_keras.models.frozen_prefix import SENTENCE
from mtl_keras.training.features import store as store_module
from mtl_keras.training.features.store import FILE, MEMORY, make_store

LENGTHS = np.array([3, 1, 2])
ENOUGH, HALF, NONE = 4 * 6 * 4, 4 * 6 * 2, 0  # bytes of 6 rows of 4 numbers


@pytest.mark.parametrize(
    ("memory", "dtype", "place"),
    [(ENOUGH, "float32", MEMORY), (HALF, "float16", MEMORY), (NONE, "float16", FILE)],
)
def test_vectors_of_word_pieces_come_back_padded(memory, dtype, place):
    store = make_store("block_0", LENGTHS, 4, b"digest", memory=memory)
    assert (store.values.dtype.name, store.place) == (dtype, place)
    features = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    store.put(np.array([0, 2]), features)
    actual = store.batch(np.array([2, 0]), width=5)
    np.testing.assert_array_equal(actual[0, :2], features[1, :2])
    np.testing.assert_array_equal(actual[1, :3], features[0])
    assert not actual[0, 2:].any()
    assert not actual[1, 3:].any()


def test_sentence_embeddings_are_a_row_a_text():
    store = make_store(SENTENCE, LENGTHS, 4, b"digest", memory=ENOUGH)
    features = np.arange(8).reshape(2, 4)
    store.put(np.array([2, 0]), features)
    np.testing.assert_array_equal(store.batch(np.array([0, 2]), width=9), features[::-1])


def test_without_room_in_memory_and_on_disk_there_is_no_store(monkeypatch):
    monkeypatch.setattr(store_module, "KEPT_FREE", 1 << 62)
    assert make_store("block_0", LENGTHS, 4, b"digest", memory=NONE) is None
