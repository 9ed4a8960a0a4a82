"""Batches of three tasks of different sizes, that tell their task and number."""

import numpy as np
import tensorflow as tf

SIZES = {"topic": 30, "entities": 10, "stars": 20}
LABELS = {
    "topic": tf.TensorSpec((None,), tf.int32),
    "entities": tf.TensorSpec((None, None), tf.int32),
    "stars": tf.TensorSpec((None,), tf.float32),
}
INPUTS = {
    "token_ids": tf.TensorSpec((None, None), tf.int32),
    "padding_mask": tf.TensorSpec((None, None), tf.bool),
}


def batches_of(name: str) -> tf.data.Dataset:
    """Batches of 4 texts of 5 pieces (entities: 7), whose token ids tell the batch's number."""
    length = 7 if name == "entities" else 5
    shape = (4, length) if LABELS[name].shape.rank == 2 else (4,)

    def generate():
        for number in range(SIZES[name]):
            ids = np.full((4, length), number, np.int32)
            labels = np.ones(shape, LABELS[name].dtype.as_numpy_dtype)
            yield {"token_ids": ids, "padding_mask": ids >= 0}, labels, np.ones(shape, np.float32)

    weights = tf.TensorSpec(LABELS[name].shape, tf.float32)
    dataset = tf.data.Dataset.from_generator(
        generate, output_signature=(INPUTS, LABELS[name], weights)
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(SIZES[name]))
