"""The mean of a loss over what is labelled."""

import tensorflow as tf

from mtl_keras.models.losses import weighted_mean


def test_weights_of_zero_leave_out_and_all_zero_gives_zero():
    values = tf.constant([1.0, 100.0, 3.0])
    assert float(weighted_mean(values, tf.constant([1.0, 0.0, 1.0]))) == 2.0
    assert float(weighted_mean(values, tf.zeros(3))) == 0.0
