"""Weights get in whole, at every precision, and into memory that is not copied for readers."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file
from support.asserts import assert_same_weights
from support.published import change_tensors, sequence

from mtl_keras.encoders.pretrained import fill, loading


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_files(folder, tiny_bert, dtype):
    change_tensors(folder, lambda tensors: {k: v.astype(dtype) for k, v in tensors.items()})
    np.testing.assert_allclose(sequence(folder), sequence(tiny_bert), atol=0.05)


def test_reading_a_weight_does_not_copy_it(tiny_bert):
    """As TensorFlow does for ever once a variable was written in parts in some of its ways."""
    for variable in loading.load(str(tiny_bert), max_length=16).transformer.weights:
        handle = variable.value.handle
        reads = [tf.raw_ops.ReadVariableOp(resource=handle, dtype=variable.dtype) for _ in "ab"]
        first, second = (np.asarray(memoryview(read)).ctypes.data for read in reads)
        assert first == second, variable.path


def test_ranges_of_rows_make_up_the_whole(tiny_bert, monkeypatch):
    whole = loading.load(str(tiny_bert), max_length=16).transformer.get_weights()
    monkeypatch.setattr(fill, "NUMBERS_AT_ONCE", 24)  # three rows of width 8
    parts = loading.load(str(tiny_bert), max_length=16).transformer.get_weights()
    assert_same_weights(parts, whole)
    tensors = load_file(tiny_bert / "model.safetensors")
    np.testing.assert_array_equal(parts[0], tensors["embeddings.word_embeddings.weight"])
