"""Gradients of several losses: summed over replicas, and projected as one vector."""

from collections.abc import Sequence

import tensorflow as tf

from mtl_keras.distribution import replicas


def gradient_of(
    tape: tf.GradientTape, losses: Sequence[tf.Tensor], weights: Sequence[tf.Variable]
) -> list[tf.Tensor]:
    """Returns the dense gradient of the sum of the losses, over all replicas; 0 if unconnected."""
    zero = tf.UnconnectedGradients.ZERO
    gradients = tape.gradient(losses, weights, unconnected_gradients=zero)
    return summed([dense(gradient) for gradient in gradients], weights)


def summed(gradients: Sequence, weights: Sequence[tf.Variable]) -> list:
    """Sums over replicas. Sets static shapes: all-reduce packs only tensors of known shape."""
    for gradient, weight in zip(gradients, weights, strict=True):
        if isinstance(gradient, tf.Tensor):
            gradient.set_shape(weight.shape)
    return replicas.total(gradients)


def project(gradients: Sequence[tf.Tensor], protected: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns `g - (⟨g, p⟩ / ⟨p, p⟩) p` if `⟨g, p⟩ < 0`, else g; each list is one vector.

    Args:
        gradients: g, tensors of any shapes.
        protected: p, tensors of the same shapes. If all are 0, the result is g.

    Example:

    >>> g, p = [tf.constant([1.0]), tf.constant([1.0])], [tf.constant([-3.0]), tf.constant([1.0])]
    >>> [float(tensor[0]) for tensor in project(g, p)]  # not [0, 1], as one tensor at a time
    [0.3999999761581421, 1.2000000476837158]
    """
    along = _product(gradients, protected)
    share = tf.math.divide_no_nan(tf.minimum(along, 0.0), _product(protected, protected))
    return [g - share * p for g, p in zip(gradients, protected, strict=True)]


def dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    """Returns a gradient as a tensor: sums the rows of a table that belong to the same token."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows = gradient.dense_shape[0]
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)


def _product(first: Sequence[tf.Tensor], second: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_sum(a * b) for a, b in zip(first, second, strict=True)])
