"""What is measured while a model trains."""

import keras

from mtl_keras.data.task import Task
from mtl_keras.models.metrics import training_metrics


def test_metrics_are_named_after_their_task():
    entities = Task("entities", kind="tagging", labels=["city", "product"])
    metrics = training_metrics(entities, [keras.metrics.MeanSquaredError("squared")])
    assert [metric.name for metric in metrics] == [
        "entities_loss",
        "entities_span_f1",
        "entities_squared",
    ]
