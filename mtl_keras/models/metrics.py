"""What is measured of a task while it trains, as Keras metrics."""

from collections.abc import Sequence

import keras

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.table import kind_of


def training_metrics(
    task: Task, extra: Sequence[keras.metrics.Metric] = ()
) -> list[keras.metrics.Metric]:
    """A task's mean loss, the metric that judges it, then the user's, named `<task>_<metric>`."""
    metrics = [keras.metrics.Mean("loss"), kind_of(task).training_metric(), *extra]
    return [_renamed(metric, f"{task.name}_{metric.name}") for metric in metrics]


def _renamed(metric: keras.metrics.Metric, name: str) -> keras.metrics.Metric:
    return type(metric).from_config(metric.get_config() | {"name": name})
