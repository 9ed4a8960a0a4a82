"""Runs a network over a batch in groups of similar length, to compute less padding."""

from collections.abc import Callable

import keras
import tensorflow as tf

GROUP = 8  # texts; with fewer, products are too small for a processor's cores
AT_ONCE = 4  # groups that run in parallel: while one waits for memory, another computes


def grouped_pass(
    network: keras.Model,
) -> Callable[[tf.RaggedTensor], dict[str, tf.Tensor]]:
    """A graph that runs a network over texts sorted by length, eight at a time.

    Otherwise, long and short texts of a batch would share one padded array, and much of the
    computation would be padding. The network is traced once, however many graphs call it.

    Args:
        network: takes `token_ids (batch, length)` int32 and `padding_mask (batch, length)` bool;
            returns a dict of `(batch, …)` or, for values per word piece, `(batch, length, …)`.

    Returns:
        A function of ragged `(batch, (length))` int32 that returns the network's outputs in the
        order of the texts, padded with 0 to the longest.

    Example:

    >>> ids = keras.Input((None,), dtype="int32", name="token_ids")
    >>> mask = keras.Input((None,), dtype="bool", name="padding_mask")
    >>> double = {"twice": ids * 2, "pieces": keras.ops.sum(mask, axis=1)}
    >>> run = grouped_pass(keras.Model({"token_ids": ids, "padding_mask": mask}, double))
    >>> outputs = run(tf.ragged.constant([[1, 2, 3], [4]]))
    >>> outputs["twice"].numpy().tolist(), outputs["pieces"].numpy().tolist()
    ([[2, 4, 6], [8, 0, 0]], [3, 1])
    """

    def run(token_ids: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        lengths = token_ids.row_lengths()
        longest = _longest(lengths)
        order = tf.argsort(lengths, stable=True)
        ordered = tf.gather(token_ids, order)
        count = tf.maximum((tf.size(order) + GROUP - 1) // GROUP, 1)  # one group even without texts

        def add(
            index: tf.Tensor, arrays: dict[str, tf.TensorArray]
        ) -> tuple[tf.Tensor, dict[str, tf.TensorArray]]:
            part = ordered[index * GROUP : (index + 1) * GROUP]
            width = _longest(part.row_lengths())
            inputs = {
                "token_ids": part.to_tensor(shape=tf.stack([-1, width])),
                "padding_mask": tf.sequence_mask(part.row_lengths(), width),
            }
            outputs = network(inputs, training=False)
            return index + 1, {
                name: array.write(index, _padded(outputs[name], network.output[name], longest))
                for name, array in arrays.items()
            }

        arrays = {name: _array(output, count) for name, output in network.output.items()}
        _, arrays = tf.while_loop(
            lambda index, _: index < count, add, (0, arrays), parallel_iterations=AT_ONCE
        )
        back = tf.math.invert_permutation(order)
        return {name: tf.gather(array.concat(), back) for name, array in arrays.items()}

    signature = [tf.RaggedTensorSpec([None, None], tf.int32, row_splits_dtype=tf.int64)]
    return tf.function(run, input_signature=signature, autograph=False)


def _longest(lengths: tf.Tensor) -> tf.Tensor:
    """The largest length, but at least 1, since some layers read the first word piece."""
    return tf.reduce_max(tf.concat([[1], lengths], axis=0))


def _array(output: keras.KerasTensor, count: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(output.dtype, count, infer_shape=False, element_shape=output.shape)


def _padded(values: tf.Tensor, output: keras.KerasTensor, longest: tf.Tensor) -> tf.Tensor:
    """Pads values per word piece, `(batch, length, …)`, to the longest text."""
    if len(output.shape) < 2 or output.shape[1] is not None:
        return values
    after = longest - tf.shape(values, tf.int64)[1]
    return tf.pad(values, [[0, 0], [0, after]] + [[0, 0]] * (len(output.shape) - 2))
