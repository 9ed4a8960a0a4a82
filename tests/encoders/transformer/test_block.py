"""What blocks compute in training is what they compute otherwise, and so are its gradients."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.encoders.transformer import block

ROWS, WIDTH, EPSILON = 7, 12, 1e-6


def of_training_and_not(function, trained, inputs, upstream):
    """Outputs and gradients of both."""
    collected = []
    for one in (function, trained):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = one(*inputs)
        collected.append([output, *tape.gradient(output, inputs, upstream)])
    return zip(*collected, strict=True)


def normal(*shape, dtype=tf.float32, seed=0):
    return tf.cast(tf.random.stateless_normal(shape, (seed, 1)), dtype)


@pytest.mark.parametrize(("dtype", "error"), [(tf.float32, 2e-6), (tf.bfloat16, 0.05)])
def test_gelu_and_its_gradient_are_the_same_in_training(dtype, error):
    x = tf.concat([normal(ROWS, WIDTH), tf.constant([[-30.0, -6, 0, 6, 30] + [1.0] * 7])], axis=0)
    inputs, upstream = [tf.cast(x, dtype)], normal(ROWS + 1, WIDTH, dtype=dtype, seed=1)
    plain = lambda x: block._gelu(x, approximate=False)  # noqa: E731
    for once, trained in of_training_and_not(plain, block._trained_gelu, inputs, upstream):
        assert trained.dtype == once.dtype == dtype
        np.testing.assert_allclose(
            *(tf.cast(tensor, tf.float32) for tensor in (trained, once)), atol=error
        )


@pytest.mark.parametrize(("dtype", "error"), [(tf.float32, 1e-5), (tf.bfloat16, 0.05)])
def test_norm_and_its_gradients_are_the_same_in_training(dtype, error):
    x, gamma, beta = 3 + 2 * normal(ROWS, WIDTH), normal(WIDTH, seed=2), normal(WIDTH, seed=3)
    inputs, upstream = [tf.cast(x, dtype), gamma, beta], normal(ROWS, WIDTH, dtype=dtype, seed=1)
    plain, trained = (
        lambda x, gamma, beta, norm=norm: norm(x, (gamma, beta), EPSILON)
        for norm in (block.normalized, block._trained_normalized)
    )
    for once, again in of_training_and_not(plain, trained, inputs, upstream):
        assert once.dtype == again.dtype
        np.testing.assert_allclose(
            *(tf.cast(tensor, tf.float32) for tensor in (again, once)), atol=error
        )
