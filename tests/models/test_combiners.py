"""Every combination of the plans has a combiner; only those that combine need several gradients."""

import pytest
import tensorflow as tf

from mtl_keras.models.combiners import Combiner, GramianCombiner, Losses, combine, combiner_of
from mtl_keras.models.guards import Guard
from mtl_keras.plans import combination as combinations
from mtl_keras.plans.combination import MGDA, SUM, Combination

EVERY = [
    kind()
    for kind in vars(combinations).values()
    if isinstance(kind, type) and issubclass(kind, Combination) and kind.combines
    if kind is not Combination
]


def test_a_sum_is_plain_training():
    combiner = combiner_of(SUM, ["a", "b"])
    assert type(combiner) is Combiner
    assert not combiner.combines and not combiner.state


@pytest.mark.parametrize("by", EVERY, ids=lambda by: type(by).__name__)
def test_every_combination_has_weights_for_a_gramian(by):
    combiner = combiner_of(by, ["a", "b"], seed=1)
    assert isinstance(combiner, GramianCombiner)
    gramian, losses = tf.constant([[1.0, -0.2], [-0.2, 2.0]]), tf.constant([1.0, 0.5])
    weights = combine(by, gramian, combiner, losses, lambda: tf.constant(0))
    assert weights.shape == (2,) and float(tf.reduce_min(weights)) > 0
    assert bool(combiner.state) == isinstance(by, combinations.GradVac)


def test_penalties_and_other_tasks_are_added_to_the_combination():
    shared, own = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
    with tf.GradientTape(persistent=True) as tape:
        tasks = {
            "a": tf.reduce_sum(shared * [1.0, 0.0]) + tf.reduce_sum(own**2),
            "b": tf.reduce_sum(shared * [0.0, 3.0]),
            "idle": tf.reduce_sum(shared * [0.5, 0.5]),
        }
        penalty = tf.reduce_sum(shared**2)
        losses = Losses(tasks, [penalty], tf.add_n([*tasks.values(), penalty]))
    combiner = combiner_of(MGDA(), ["a", "b"])
    readers = [frozenset(tasks), frozenset("a")]
    moved, of_own = combiner.gradients(
        Guard(), tape, losses, [shared, own], readers, lambda: tf.constant(0)
    )
    combined = [0.9 * 1.0, 0.1 * 3.0]  # the shortest vector between (1, 0) and (0, 3)
    assert moved.numpy() == pytest.approx([combined[0] + 2.5, combined[1] + 4.5])
    assert of_own.numpy() == pytest.approx([6.0])
