"""What is measured while a model trains."""

import keras
import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.models.metrics import training_metrics, undefined_without_examples


def test_metrics_are_named_after_their_task():
    entities = Task("entities", kind="tagging", labels=["city", "product"])
    metrics = training_metrics(entities, [keras.metrics.MeanSquaredError("squared")])
    assert [metric.name for metric in metrics] == [
        "entities_loss",
        "entities_span_f1",
        "entities_squared",
    ]


@pytest.mark.parametrize("name", ["loss", "accuracy"])
def test_two_metrics_of_one_name_are_refused(name):
    topic = Task("topic", labels=["x", "y"])
    with pytest.raises(InputError, match=f"two are called 'topic_{name}'"):
        training_metrics(topic, [keras.metrics.Mean(name)])


def test_a_task_without_an_example_has_no_number():
    topic, stars = Task("topic", labels=["x", "y"]), Task("stars", kind="regression")
    metrics = {task.name: training_metrics(task) for task in (topic, stars)}
    metrics["stars"][0].update_state(0.5)
    results = {metric.name: metric.result() for of_task in metrics.values() for metric in of_task}
    actual = {name: float(v) for name, v in undefined_without_examples(results, metrics).items()}
    assert [name for name, value in actual.items() if np.isnan(value)] == [
        "topic_loss",
        "topic_accuracy",
    ]
