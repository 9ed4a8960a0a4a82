"""Every combination of the plans has a combiner; only those that combine need several gradients."""

import pytest
import tensorflow as tf

from mtl_keras.models.combiners import Combiner, GramianCombiner, combine, combiner_of
from mtl_keras.plans import combination as combinations
from mtl_keras.plans.combination import SUM, Combination

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
