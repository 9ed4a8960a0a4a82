"""A task's batch as a batch for all tasks, and batches for all tasks as one."""

import pytest
import tensorflow as tf
from support.task_batches import SIZES, batches_of

from mtl_keras.data.interleaving import interleave
from mtl_keras.data.multi_task_batches import chosen_in_turn, joined, with_replay
from mtl_keras.errors import InputError


def _batches() -> dict[str, tf.data.Dataset]:
    return {name: batches_of(name) for name in SIZES}


def test_idle_tasks_have_labels_of_the_right_shape_and_no_weight():
    for x, labels, weights in interleave(_batches(), "proportional").take(8):
        batch, length = x["token_ids"].shape
        assert labels["entities"].shape == weights["entities"].shape == (batch, length)
        assert labels["topic"].shape == weights["stars"].shape == (batch,)
        assert sum(bool(tf.reduce_sum(weight) > 0) for weight in weights.values()) == 1


@pytest.mark.slow
def test_replay_joins_each_batch_with_one_of_the_protected_tasks():
    sets = _batches()
    new = interleave(sets, "proportional", tasks=["topic", "stars"])
    dataset = with_replay(new, interleave(sets, "proportional", tasks=["entities"]))
    steps = list(dataset)
    assert int(dataset.cardinality()) == len(steps) == 50
    for x, labels, weights in steps:
        assert x["token_ids"].shape == x["padding_mask"].shape == (8, 7)
        assert not x["padding_mask"][:4, 5:].numpy().any()
        assert labels["entities"].shape == (8, 7)
        assert float(tf.reduce_sum(weights["entities"][4:])) == 28.0
        totals = [float(tf.reduce_sum(weights[name])) for name in ("topic", "stars")]
        assert sorted(totals) == [0.0, 4.0]
    replayed = [int(x["token_ids"][-1, 0]) for x, _, _ in steps]
    assert all(replayed.count(number) == 5 for number in range(SIZES["entities"]))


def test_what_cannot_be_replayed_is_refused():
    sets = _batches()
    new = interleave(sets, tasks=["topic"])
    with pytest.raises(InputError, match="over the tasks entities, stars, topic"):
        with_replay(new, interleave({"stars": sets["stars"]}))
    with pytest.raises(InputError, match="replay has no batch"):
        with_replay(new, interleave(sets, tasks=["stars"]).take(0))


def test_batches_are_chosen_in_the_order_that_is_given():
    datasets = [tf.data.Dataset.range(start, start + 10) for start in (0, 100)]
    chosen = chosen_in_turn(datasets, lambda: iter([[1, 0, 0], [1]]))
    assert list(chosen.as_numpy_iterator()) == [100, 0, 1, 101]


def test_joined_batches_are_padded_to_the_longest_text():
    short, long = ((tf.ones((2, width, 3)), tf.fill((2,), width)) for width in (4, 6))
    vectors, labels = joined(short, long)
    assert vectors.shape == (4, 6, 3)
    assert float(tf.reduce_sum(vectors[:2, 4:])) == 0.0
    assert labels.numpy().tolist() == [4, 4, 6, 6]
