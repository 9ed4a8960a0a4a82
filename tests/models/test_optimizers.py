"""A rate and a state for every layer, whatever the Keras optimizer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_same_weights
from support.two_layers import gradients_of, two_layers, values_of

from mtl_keras.errors import InputError
from mtl_keras.models.optimizers import LayerwiseOptimizer, layerwise_adamw, rate_factor
from mtl_keras.plans.stage import RateSchedule


@pytest.mark.parametrize(
    "make", [keras.optimizers.AdamW, keras.optimizers.SGD, keras.optimizers.Lion]
)
def test_with_one_rate_it_equals_the_optimizer_itself(make):
    plain, layerwise = two_layers(), two_layers()
    theirs = make(learning_rate=0.01, weight_decay=0.0)
    ours = LayerwiseOptimizer(make(learning_rate=0.01, weight_decay=0.0))
    for step in range(5):
        theirs.apply(gradients_of(plain, step), plain.trainable_variables)
        ours.apply(gradients_of(layerwise, step), layerwise.trainable_variables)
    assert_same_weights(values_of(layerwise), values_of(plain), tolerance=1e-7)


def test_each_layer_moves_at_its_rate():
    model = two_layers()
    before = values_of(model)
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(), {"lower": 0.01, "upper": 0.1})
    gradients = gradients_of(model)
    optimizer.apply(gradients, model.trainable_variables)
    for variable, old, gradient in zip(model.trainable_variables, before, gradients, strict=True):
        rate = 0.01 if variable.path.startswith("lower") else 0.1
        np.testing.assert_allclose(variable.numpy(), old - rate * gradient.numpy(), atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_idle_layer_and_its_state_do_not_move_by_one_bit(jit_compile):
    model = two_layers()
    optimizer = LayerwiseOptimizer(keras.optimizers.AdamW(0.1, weight_decay=0.1))
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit_compile)
    def step(active):
        optimizer.apply(gradients_of(model), model.trainable_variables, active={"upper": active})

    step(tf.constant(True))
    before = [v.numpy() for v in model.get_layer("upper").weights]
    state = [v.numpy() for v in optimizer.of_layer["upper"].variables[2:]]
    lower = model.get_layer("lower").kernel.numpy()
    step(tf.constant(False))
    assert_same_weights(model.get_layer("upper").weights, before)
    assert_same_weights(optimizer.of_layer["upper"].variables[2:], state)
    assert int(optimizer.of_layer["upper"].iterations) == 1
    assert int(optimizer.of_layer["lower"].iterations) == 2
    assert not np.array_equal(lower, model.get_layer("lower").kernel.numpy())


def test_biases_and_norms_are_not_decayed():
    model = two_layers()
    optimizer = LayerwiseOptimizer(keras.optimizers.AdamW(0.1, weight_decay=0.5))
    for layer in model.layers[1:]:
        layer.bias.assign(tf.ones_like(layer.bias))
    kernel = model.get_layer("upper").kernel.numpy()
    zeros = [tf.zeros_like(v) for v in model.trainable_variables]
    optimizer.apply(zeros, model.trainable_variables)
    np.testing.assert_array_equal(model.get_layer("upper").bias.numpy(), 1.0)
    np.testing.assert_allclose(model.get_layer("upper").kernel.numpy(), kernel * 0.95, rtol=1e-6)


def test_a_frozen_layer_has_no_state_and_a_thawed_one_starts_afresh():
    model = two_layers()
    model.get_layer("lower").trainable = False
    first = LayerwiseOptimizer(keras.optimizers.Adam(), {"lower": 0.01, "upper": 0.1})
    first.apply(gradients_of(model), model.trainable_variables)
    assert list(first.of_layer) == ["upper"]
    model.get_layer("lower").trainable = True
    second = LayerwiseOptimizer(keras.optimizers.Adam(), {"lower": 0.01, "upper": 0.1})
    second.take_over(first, model.trainable_variables)
    assert int(second.of_layer["upper"].iterations) == 1
    assert int(second.of_layer["lower"].iterations) == 0


def test_setting_the_learning_rate_scales_every_layer():
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(), {"lower": 0.01, "upper": 0.1})
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    optimizer.learning_rate = 0.05
    assert optimizer.rates == pytest.approx({"lower": 0.005, "upper": 0.05})
    model = two_layers()
    before = model.get_layer("lower").kernel.numpy()
    ones = [tf.ones_like(v) for v in model.trainable_variables]
    optimizer.apply(ones, model.trainable_variables)
    np.testing.assert_allclose(model.get_layer("lower").kernel.numpy(), before - 0.005, atol=1e-7)


def test_a_schedule_drives_every_layer():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.0])
    model = two_layers()
    optimizer = LayerwiseOptimizer(keras.optimizers.SGD(schedule))
    for _ in range(3):
        optimizer.apply(gradients_of(model), model.trainable_variables)
    before = values_of(model)
    optimizer.apply(gradients_of(model), model.trainable_variables)
    assert_same_weights(values_of(model), before)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [0.1, keras.optimizers.schedules.CosineDecay(0.1, 10)])
def test_config_round_trip(schedule):
    optimizer = LayerwiseOptimizer(keras.optimizers.AdamW(schedule, weight_decay=0.2))
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert copy.get_config() == optimizer.get_config()
    rated = LayerwiseOptimizer(keras.optimizers.SGD(), {"lower": 0.01, "upper": 0.1})
    rated.learning_rate = 0.05
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(rated))
    assert copy.rates == pytest.approx(rated.rates)


@pytest.mark.parametrize("warmup", [None, 0.0, 0.25])
@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "slanted_triangular"])
def test_rate_schedules_rise_to_the_peak_and_fall(shape, warmup):
    schedule, steps = RateSchedule(shape=shape, warmup=warmup), 99
    factors = [float(rate_factor(schedule, step, steps)) for step in range(steps)]
    peak = round(schedule.rise * (steps + 1)) - 1 if schedule.rise else 0
    assert max(factors) == pytest.approx(factors[peak], abs=1e-6)
    assert all(0 < factor <= 1 for factor in factors)
    assert np.all(np.diff(factors[: peak + 1]) > 0)
    assert np.all(np.diff(factors[peak:]) <= 1e-7)
    if shape == "slanted_triangular":
        assert min(factors) >= 1 / 32
    if shape == "constant":
        assert factors[peak:] == pytest.approx([1.0] * (steps - peak))


def test_linear_equals_keras_polynomial_decay():
    linear = RateSchedule(shape="linear")
    theirs = keras.optimizers.schedules.PolynomialDecay(1.0, 10, end_learning_rate=0.0)
    for step in range(9):
        np.testing.assert_allclose(rate_factor(linear, step, 9), theirs(step + 1), atol=1e-6)


def test_a_rate_schedule_moves_every_layer_and_can_still_be_scaled():
    model = two_layers()
    optimizer = LayerwiseOptimizer(
        keras.optimizers.SGD(),
        {"lower": 0.01, "upper": 0.1},
        schedule=RateSchedule(shape="linear"),
        steps=3,
    )
    ones = [tf.ones_like(v) for v in model.trainable_variables]
    seen = []
    for _ in range(3):
        seen.append(optimizer.rates["upper"])
        before = model.get_layer("upper").kernel.numpy()
        optimizer.apply(ones, model.trainable_variables)
        moved = before - model.get_layer("upper").kernel.numpy()
        np.testing.assert_allclose(moved, seen[-1], rtol=1e-4)
        optimizer.learning_rate = float(optimizer.learning_rate) * 2
    assert seen == pytest.approx([0.075, 0.1, 0.1])


def test_a_schedule_needs_its_number_of_steps():
    with pytest.raises(InputError, match="needs steps"):
        LayerwiseOptimizer(keras.optimizers.SGD(), schedule=RateSchedule(shape="cosine"))


def test_a_rate_schedule_survives_serialization():
    optimizer = LayerwiseOptimizer(
        keras.optimizers.SGD(), {"lower": 0.1}, schedule=RateSchedule(shape="cosine"), steps=7
    )
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert (copy.schedule, copy.steps) == (RateSchedule(shape="cosine"), 7)
    assert copy.rates == pytest.approx(optimizer.rates)


def test_weight_decay_of_the_new_stage_holds_for_layers_that_go_on():
    model = two_layers()
    first = LayerwiseOptimizer(keras.optimizers.AdamW(0.1, weight_decay=0.5))
    first.build(model.trainable_variables)
    second = LayerwiseOptimizer(keras.optimizers.AdamW(0.1, weight_decay=0.0))
    second.take_over(first, model.trainable_variables)
    before = model.get_layer("upper").kernel.numpy()
    second.apply([tf.zeros_like(v) for v in model.trainable_variables], model.trainable_variables)
    np.testing.assert_array_equal(model.get_layer("upper").kernel.numpy(), before)


@pytest.mark.slow
def test_keras_callbacks_change_the_rate_of_a_scheduled_optimizer():
    model = two_layers()
    optimizer = LayerwiseOptimizer(
        keras.optimizers.SGD(),
        {"lower": 0.01, "upper": 0.1},
        schedule=RateSchedule(shape="constant", warmup=0.1),
        steps=8,
    )
    model.compile(optimizer, loss="mse")
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = model.fit(np.ones((8, 3)), np.ones((8, 2)), epochs=2, verbose=0, callbacks=[halve])
    assert history.history["learning_rate"] == pytest.approx([0.05, 0.025])
    assert optimizer.rates == pytest.approx({"lower": 0.0025, "upper": 0.025})


def test_layerwise_adamw_steps_like_pytorchs_adamw():
    """One step of a gradient is the learning rate in size, however small the gradient."""
    model = two_layers()
    model.layer_groups = {"heads/x": model.layers[1:]}
    optimizer = layerwise_adamw(model, head_lr=0.1, weight_decay=0.0)
    before = model.get_layer("upper").kernel.numpy()
    tiny = [tf.fill(v.shape, 1e-5) for v in model.trainable_variables]
    optimizer.apply(tiny, model.trainable_variables)
    # 1e-5 / (1e-5 + 1e-8 / sqrt(1 - 0.999)): Keras adds epsilon before the bias correction.
    step = 0.1 / (1 + 1e-3 / 0.001**0.5)
    np.testing.assert_allclose(before - model.get_layer("upper").kernel.numpy(), step, rtol=1e-3)
