"""Losses: values, masking, and gradients of confident mistakes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.models.heads import TaskHead
from mtl_keras.models.losses import task_loss, weighted_mean

TOPIC = Task("topic", labels=["a", "b", "c"])


def test_cross_entropy_is_minus_the_log_probability():
    probabilities = tf.constant([[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]])
    values = task_loss(TOPIC)(tf.constant([2, 1]), probabilities)
    np.testing.assert_allclose(values, -np.log([0.5, 0.05]), rtol=1e-5)


def test_tagging_has_a_value_a_token():
    task = Task("entities", kind="tagging", labels=["x"])
    values = task_loss(task)(tf.zeros((2, 5), tf.int32), tf.fill((2, 5, 3), 1 / 3))
    assert values.shape == (2, 5)


def test_multilabel_is_the_mean_binary_cross_entropy():
    task = Task("tags", kind="multilabel", labels=["x", "y"])
    values = task_loss(task)(tf.constant([[1.0, 0.0]]), tf.constant([[0.8, 0.4]]))
    np.testing.assert_allclose(values, [-(np.log(0.8) + np.log(0.6)) / 2], rtol=1e-5)


def test_regression_is_the_squared_error():
    task = Task("stars", kind="regression")
    values = task_loss(task)(tf.constant([1.0, 5.0]), tf.constant([3.0, 5.0]))
    np.testing.assert_array_equal(values, [4.0, 0.0])


def test_weights_of_zero_leave_out_and_all_zero_gives_zero():
    values = tf.constant([1.0, 100.0, 3.0])
    assert float(weighted_mean(values, tf.constant([1.0, 0.0, 1.0]))) == 2.0
    assert float(weighted_mean(values, tf.zeros(3))) == 0.0


@pytest.mark.parametrize("in_graph", [False, True])
def test_a_confident_mistake_keeps_its_gradient(in_graph):
    head = TaskHead(TOPIC)
    head.build((None, 3))
    head.dense.kernel.assign(np.eye(3, dtype=np.float32) * 200)
    loss = task_loss(TOPIC)

    def gradient():
        with tf.GradientTape() as tape:
            probabilities = head(tf.constant([[1.0, 0.0, 0.0]]))
            value = tf.reduce_sum(loss(tf.constant([1]), probabilities))
        return value, tape.gradient(value, head.dense.bias.value)

    value, slope = (tf.function(gradient) if in_graph else gradient)()
    assert float(value) == pytest.approx(200, rel=1e-4)
    np.testing.assert_allclose(slope, [1.0, -1.0, 0.0], atol=1e-5)


def test_heads_answer_in_float32_whatever_the_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert TaskHead(TOPIC)(tf.zeros((1, 4), tf.bfloat16)).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")
