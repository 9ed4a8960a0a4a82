"""Texts of any length and number come back as the network alone would give them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.export.saved_model.length_groups import GROUP, grouped_pass


@pytest.fixture(scope="module")
def network(every_kind_export):
    model, _ = every_kind_export
    return model.encoder.transformer


@pytest.fixture(scope="module")
def run(network):
    return grouped_pass(network)


def _random_ids(count: int) -> tf.RaggedTensor:
    random = np.random.default_rng(count)
    lengths = random.integers(1, 16, count)
    ids = tf.constant(random.integers(0, 5, lengths.sum()), tf.int32)
    return tf.RaggedTensor.from_row_lengths(ids, lengths)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP + 5])
def test_equals_one_padded_batch(network, run, count):
    token_ids = _random_ids(count)
    mask = tf.sequence_mask(token_ids.row_lengths())
    expected = network({"token_ids": token_ids.to_tensor(), "padding_mask": mask}, training=False)
    actual = run(token_ids)
    assert actual.keys() == expected.keys()
    is_piece = mask.numpy()[:, :, np.newaxis]
    for name, values in actual.items():
        values, wanted = values.numpy(), expected[name].numpy()
        assert values.shape == wanted.shape
        if name == "sequence_output":
            values, wanted = values * is_piece, wanted * is_piece
        np.testing.assert_allclose(values, wanted, atol=1e-5)


def test_no_text(network, run):
    actual = run(tf.RaggedTensor.from_row_splits(tf.constant([], tf.int32), np.array([0])))
    assert {name: output.shape[0] for name, output in actual.items()} == dict.fromkeys(
        network.output, 0
    )


def test_short_texts_are_not_padded_to_long_ones():
    """The positions that the network is given are those of groups of similar length."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    mask = keras.Input((None,), dtype="bool", name="padding_mask")
    width = keras.ops.sum(keras.ops.ones_like(ids), axis=1)
    run = grouped_pass(keras.Model({"token_ids": ids, "padding_mask": mask}, {"width": width}))
    lengths = [100, 2] * GROUP
    token_ids = tf.RaggedTensor.from_row_lengths(tf.ones(sum(lengths), tf.int32), lengths)
    assert run(token_ids)["width"].numpy().tolist() == lengths
