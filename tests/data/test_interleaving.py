"""The tasks' batches as one dataset."""

import pytest
import tensorflow as tf

from mtl_keras.data.interleaving import interleave
from mtl_keras.errors import InputError


def _batches(count):
    """Batches of one text of three pieces."""
    ids = tf.zeros((count, 3), tf.int32)
    x = {"token_ids": ids, "padding_mask": ids >= 0}
    return tf.data.Dataset.from_tensor_slices((x, tf.ones(count), tf.ones(count))).batch(1)


@pytest.fixture
def datasets():
    return {"stars": _batches(4), "price": _batches(2)}


def test_tasks_that_are_not_named_are_idle_throughout(datasets):
    merged = interleave(datasets, tasks=["price"])
    assert int(merged.cardinality()) == 2
    for _, labels, weights in merged:
        assert {*labels} == {*weights} == {"stars", "price"}
        assert [weights[name].numpy().tolist() for name in ("stars", "price")] == [[0.0], [1.0]]


def test_an_epoch_of_steps_of_one_task_needs_no_counts(datasets):
    endless = {name: dataset.repeat() for name, dataset in datasets.items()}
    alone = interleave(endless, "proportional", tasks=["stars"], steps_per_epoch=3)
    assert len([*alone.take(9)]) == 9
    with pytest.raises(InputError, match="give num_batches for stars, price"):
        interleave(endless, "proportional", steps_per_epoch=3)
