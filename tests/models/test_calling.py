"""Callbacks learn which direction is better; other arguments: tests/test_keras_surface.py."""

import keras
import pytest

from mtl_keras.errors import InputError
from mtl_keras.models.calling import checked_callbacks

DIRECTIONS = {"topic_accuracy": "max", "topic_loss": "min"}


def test_a_mode_that_is_given_stays():
    watching = [
        keras.callbacks.EarlyStopping("val_topic_accuracy"),
        keras.callbacks.EarlyStopping("val_topic_accuracy", mode="min"),
        keras.callbacks.ModelCheckpoint("a.keras", "anything"),  # saves all, watches nothing
    ]
    assert checked_callbacks(watching, DIRECTIONS) is watching
    assert [watcher.mode for watcher in watching] == ["max", "min", "auto"]


def test_a_metric_that_is_not_measured_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"'val_topic_los' is not .*did you mean 'topic_loss'"):
        checked_callbacks(keras.callbacks.EarlyStopping("val_topic_los"), DIRECTIONS)


def test_what_is_no_callback_is_refused():
    with pytest.raises(InputError, match=r"callbacks takes Keras callbacks\. Received: 3"):
        checked_callbacks([3], DIRECTIONS)
