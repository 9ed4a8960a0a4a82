"""A number a text."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.data.task import Task
from mtl_keras.models.kinds.regression import Regression

KIND = Regression()
TASK = Task("stars", kind="regression")


def test_the_loss_is_the_squared_error():
    values = KIND.loss(TASK)(tf.constant([1.0, 5.0]), tf.constant([3.0, 5.0]))
    np.testing.assert_array_equal(values, [4.0, 0.0])


def test_absolute_error_is_weighted():
    metric = KIND.training_metric()
    metric.update_state(tf.constant([1.0, 2.0]), tf.constant([2.0, 9.0]), tf.constant([1.0, 0.0]))
    assert float(metric.result()) == 1.0


def test_the_head_gives_a_number_a_text():
    assert KIND.head_outputs(tf.zeros((4, 1))).shape == (4,)


def test_a_scale_counts_errors_in_deviations_and_answers_in_units():
    task = TASK.at_scale((2000.0, 500.0))
    outputs = KIND.in_units(task, tf.constant([0.0, -1.0]))
    np.testing.assert_array_equal(outputs, [2000.0, 1500.0])
    np.testing.assert_array_equal(KIND.loss(task)(tf.constant([2500.0, 1500.0]), outputs), [1, 0])
    assert float(KIND.divergence(task, tf.constant(500.0), tf.constant(0.0), 2.0)) == 1.0
    measured = KIND.measured(task, [([2500.0, 1500.0], [2000.0, 1500.0])])
    assert (measured["mae"], measured["loss"]) == (250.0, 0.5)


def test_a_linear_layer_of_labels_becomes_one_of_the_head():
    task, generator = TASK.at_scale((2000.0, 500.0)), np.random.default_rng(0)
    kernel, bias, vectors = (generator.normal(1e3, 1e2, shape) for shape in ((3, 1), 1, (5, 3)))
    scaled, offset = KIND.of_units(task, kernel, bias)
    answers = KIND.in_units(task, (vectors @ scaled + offset)[:, 0])
    np.testing.assert_allclose(answers, (vectors @ kernel + bias)[:, 0])


@pytest.mark.slow
@pytest.mark.parametrize("mean", [0.0, 5000.0])
def test_numbers_of_any_size_are_learnt_alike(tiny_encoder, tmp_path, mean):
    """The same texts and numbers, but for their unit: the same steps, and errors in that unit."""
    deviation = max(1.0, 0.4 * mean)
    numbers = (mean + deviation * (row % 2 * 2 - 1) for row in range(40))
    rows = [f"{'aaa' if row % 2 else 'bcd'} {'efg'[row % 3]},{n}" for row, n in enumerate(numbers)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *rows]))
    files = {"train": tmp_path / "a.csv", "validation": tmp_path / "a.csv"}
    dataset = mtl.TaskDataset(Task("stars", kind="regression", files=files))
    assert dataset.task.scale == pytest.approx((mean, deviation))
    model = mtl.MultiTaskModel(tiny_encoder(0.0), [dataset.task], head_dropout=0.0)
    model.compile(keras.optimizers.Adam(0.02))
    batches = mtl.batches(dataset, "train", model.encoder.tokenizer, batch_size=8, seed=0)
    model.fit(mtl.interleave({"stars": batches}), epochs=6, verbose=0)
    actual = mtl.evaluate(model, dataset, "validation")
    assert actual["mae"] < 0.2 * deviation
    assert actual["loss"] == pytest.approx((actual["rmse"] / deviation) ** 2)
    model.save(tmp_path / "model.keras")
    again = mtl.load_model(tmp_path / "model.keras")
    assert again.tasks["stars"].scale == dataset.task.scale
    assert mtl.answer(again, ["aaa e"]) == mtl.answer(model, ["aaa e"])
