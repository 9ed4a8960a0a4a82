"""Batches know of which texts they are, until they are changed."""

import tensorflow as tf

from mtl_keras.data.text_sources import TextSource, sources_of, with_sources


def test_sources_are_of_these_batches_and_of_none_made_from_them():
    sources = {"topic": TextSource(None, "train", None)}
    batches = with_sources(tf.data.Dataset.range(3), sources)
    assert sources_of(batches) is sources
    assert sources_of(batches.take(1)) == {}
    assert sources_of(None) == sources_of([1, 2]) == {}
