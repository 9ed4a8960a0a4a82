"""A model of two dense layers, and gradients for it."""

import keras
import numpy as np
import tensorflow as tf


def two_layers() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, name="lower")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="upper")(hidden))


def gradients_of(model, seed=0):
    """Random ones, of the shapes of the variables that train."""
    generator = np.random.default_rng(seed)
    return [
        tf.constant(generator.normal(size=v.shape), tf.float32) for v in model.trainable_variables
    ]


def values_of(model):
    return [variable.numpy() for variable in model.trainable_variables]
