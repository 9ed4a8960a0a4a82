"""A step's arithmetic over a batch of several tasks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.training_step import (
    active_layers,
    losses_by_task,
    padding_update,
    sums_of_weights,
    unpack,
)

TASKS = {
    "topic": mtl.Task("topic", labels=["x", "y"]),
    "entities": mtl.Task("entities", kind="tagging", labels=["city"]),
}
X = {
    "token_ids": tf.constant([[5, 6, 0], [7, 0, 0]]),
    "padding_mask": tf.constant([[True, True, False], [True, False, False]]),
}
LABELS = {"topic": tf.constant([0, 1]), "entities": tf.constant([[1, 2, 0], [0, 0, 0]])}
OUTPUTS = {
    "topic": tf.constant([[0.9, 0.1], [0.5, 0.5]]),
    "entities": tf.fill((2, 3, 3), 1 / 3),
}


def test_without_weights_every_example_counts_and_for_words_every_position():
    weights = unpack((X, LABELS), TASKS).weights
    assert {name: value.shape.as_list() for name, value in weights.items()} == {
        "topic": [2],
        "entities": [2, 3],
    }
    assert all(np.all(value.numpy() == 1) for value in weights.values())


@pytest.mark.parametrize("labels", [LABELS["topic"], {"topic": LABELS["topic"]}])
def test_labels_of_other_tasks_are_refused(labels):
    with pytest.raises(mtl.InputError, match=r"a dict with the tasks \['entities', 'topic'\]"):
        unpack((X, labels), TASKS)


def test_an_idle_task_has_no_loss_and_what_serves_it_alone_is_inactive():
    weights = {"topic": np.array([0.0, 2.0]), "entities": np.zeros((2, 3))}
    batch = unpack((X, LABELS, weights), TASKS)
    sums = sums_of_weights(batch.weights)
    losses = losses_by_task(
        {name: kind_of(t).loss(t) for name, t in TASKS.items()}, batch, OUTPUTS, sums
    )
    assert float(losses["topic"]) == pytest.approx(-np.log(0.5))
    assert float(losses["entities"]) == 0
    readers = {"topic_head": ["topic"], "entities_head": ["entities"], "both": list(TASKS)}
    active = {layer: bool(flag) for layer, flag in active_layers(sums, readers).items()}
    assert active == {"topic_head": True, "entities_head": False, "both": True}


def test_padding_is_the_share_of_all_positions():
    metric, (share,), positions = padding_update(keras.metrics.Mean(), X["padding_mask"])
    metric.update_state(share, sample_weight=positions)
    assert float(metric.result()) == pytest.approx(3 / 6)
