"""Token vectors → one vector for each text."""

import keras
import numpy as np
import pytest

from mtl_keras.encoders.transformer.pooling import LastPooling, MeanPooling, Pooler

VECTORS = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
MASK = np.array([[True] * 4, [True, True, False, False], [False] * 4])


def test_a_mean_counts_real_tokens_only():
    means = MeanPooling()(VECTORS, MASK).numpy()
    np.testing.assert_allclose(means[0], VECTORS[0].mean(0), atol=1e-6)
    np.testing.assert_allclose(means[1], VECTORS[1, :2].mean(0), atol=1e-6)
    assert not means[2].any()


def test_the_last_real_token_or_the_first_if_none_is_real():
    last = LastPooling(dtype="float32")(VECTORS, MASK)
    np.testing.assert_array_equal(last, [VECTORS[0, 3], VECTORS[1, 1], VECTORS[2, 0]])


def test_a_pooler_is_a_tanh_layer_on_the_first_token():
    pooler = Pooler()
    pooled = pooler(VECTORS)
    kernel, bias = (np.array(weight) for weight in pooler.weights)
    np.testing.assert_allclose(pooled, np.tanh(VECTORS[:, 0] @ kernel + bias), atol=1e-6)


@pytest.mark.parametrize("kind", [Pooler, MeanPooling, LastPooling])
def test_it_may_be_described_and_made_again(kind):
    layer = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind()))
    assert type(layer) is kind


def test_a_mean_is_taken_in_float32_under_mixed_precision():
    assert MeanPooling().compute_dtype == "float32"
