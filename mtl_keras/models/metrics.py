"""The Keras metrics of a task while it trains."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.data.task_names import repeated
from mtl_keras.errors import InputError
from mtl_keras.models.kinds.table import kind_of


def training_metrics(
    task: Task, extra: Sequence[keras.metrics.Metric] = ()
) -> list[keras.metrics.Metric]:
    """Returns a task's mean loss, its judging metric, then the user's, named `<task>_<metric>`.

    Raises:
        InputError: two metrics would have the same name.
    """
    metrics = [keras.metrics.Mean("loss"), kind_of(task).training_metric(), *extra]
    names = [f"{task.name}_{metric.name}" for metric in metrics]
    if (name := repeated(names)) is not None:
        raise InputError(f"metrics: two are called {name!r}; give one another name")
    return [_renamed(metric, name) for metric, name in zip(metrics, names, strict=True)]


def metric_directions(
    tasks: Mapping[str, Task], by_task: Mapping[str, Sequence[keras.metrics.Metric]]
) -> dict[str, str]:
    """Returns metric name → the better direction, `min` or `max`, if the metric declares one.

    Args:
        tasks: by name.
        by_task: task → its metrics, as `training_metrics` gives them.
    """
    directions = {}
    for name, (mean_loss, judging, *others) in by_task.items():
        directions[mean_loss.name] = "min"
        directions[judging.name] = "max" if tasks[name].label_kind.higher_is_better else "min"
        for metric in others:
            # Keras's own metrics declare their direction only in this attribute.
            if direction := {"up": "max", "down": "min"}.get(getattr(metric, "_direction", "")):
                directions[metric.name] = direction
    return directions


def undefined_without_examples(
    results: Mapping[str, tf.Tensor], by_task: Mapping[str, Sequence[keras.metrics.Metric]]
) -> dict[str, tf.Tensor]:
    """Returns the results by name; NaN for the metrics of a task without an example.

    Args:
        results: name → a scalar.
        by_task: task → its mean loss, then its other metrics.
    """
    results = dict(results)
    for mean_loss, *others in by_task.values():
        is_measured = mean_loss.count > 0
        for name in (metric.name for metric in (mean_loss, *others) if metric.name in results):
            results[name] = tf.where(is_measured, results[name], np.nan)
    return results


def _renamed(metric: keras.metrics.Metric, name: str) -> keras.metrics.Metric:
    return type(metric).from_config(metric.get_config() | {"name": name, "dtype": "float32"})
