"""A number a text."""

import numpy as np
import tensorflow as tf

from mtl_keras.models.kinds.regression import Regression

KIND = Regression()


def test_the_loss_is_the_squared_error():
    values = KIND.loss()(tf.constant([1.0, 5.0]), tf.constant([3.0, 5.0]))
    np.testing.assert_array_equal(values, [4.0, 0.0])


def test_absolute_error_is_weighted():
    metric = KIND.training_metric()
    metric.update_state(tf.constant([1.0, 2.0]), tf.constant([2.0, 9.0]), tf.constant([1.0, 0.0]))
    assert float(metric.result()) == 1.0


def test_the_head_gives_a_number_a_text():
    assert KIND.head_outputs(tf.zeros((4, 1))).shape == (4,)
