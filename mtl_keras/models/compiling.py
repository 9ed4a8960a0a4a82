"""Checks the arguments of `compile` for a model of several tasks, and saves them."""

import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from typing import Any

import keras

from mtl_keras.errors import InputError, nearest, shown
from mtl_keras.models.heads import check_task_names
from mtl_keras.models.optimizers import LayerwiseOptimizer

_ARGUMENTS = tuple(inspect.signature(keras.Model.compile).parameters)
_NO_SCALING = (
    "losses are float32 and are not scaled; leave it out, and if gradients are too small for "
    "float16, take mixed_bfloat16"
)


class SavedCompilation:
    """Mix this into a `MultiTaskModel`: saves and restores how it was compiled."""

    compiled: bool
    optimizer: Any
    compile: Callable[..., None]
    get_layer: Callable[[str], keras.layers.Layer]
    _compile_arguments: dict[str, Any]

    def get_compile_config(self) -> dict | None:
        """Returns the arguments of `compile`; the optimizer's config lists layers with state."""
        if not self.compiled:
            return None
        own = {"optimizer": self.optimizer}
        return keras.saving.serialize_keras_object(own | self._compile_arguments)

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model as before, ready to load the optimizer's state."""
        config = keras.saving.deserialize_keras_object(dict(config))
        layers = config.pop("stateful", None)  # of a file of version 0.1.0
        self.compile(**config)
        layers = self.optimizer.stateful if layers is None else layers
        self.optimizer.build([v for name in layers for v in self.get_layer(name).weights])


def check_compile(given: Mapping[str, Any], tasks: Collection[str]) -> None:
    """Checks the arguments of `compile`, except the optimizer.

    Args:
        given: by name.
        tasks: names of the model's.

    Raises:
        InputError: one that a model of several tasks cannot have, or of another form.
    """
    if given["loss"] is not None:
        raise InputError(
            f"loss={shown(given['loss'])}: each task's loss follows from its kind; leave loss out, "
            "and weight the losses by loss_weights={task: factor}"
        )
    if given["weighted_metrics"]:
        raise InputError(
            "weighted_metrics: every metric is weighted by its task's sample weights; give them "
            "as metrics={task: [metric]}"
        )
    _check_loss_weights(given["loss_weights"], tasks)
    _check_metrics(given["metrics"], tasks)
    _check_names(given)
    _check_running(given)


def checked_optimizer(optimizer: Any) -> LayerwiseOptimizer:
    """Returns a Keras optimizer, given by name, config or value, with a state for every layer.

    Raises:
        InputError: there is none of this name, or it scales losses.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise InputError(f"optimizer=LossScaleOptimizer: {_NO_SCALING}")
    try:
        optimizer = keras.optimizers.get(optimizer)
    except (ValueError, TypeError) as error:
        names = [name for name in dir(keras.optimizers) if name[0].isupper()]
        raise InputError(
            f"optimizer must be one of Keras, or its name. Received: {shown(optimizer)}"
            f"{nearest(str(optimizer), [*names, *map(str.lower, names)])}"
        ) from error
    return optimizer if isinstance(optimizer, LayerwiseOptimizer) else LayerwiseOptimizer(optimizer)


def _check_loss_weights(weights: Any, tasks: Collection[str]) -> None:
    if weights is None:
        return
    if not isinstance(weights, Mapping):
        raise InputError(
            f"loss_weights must be a dict of task → factor. Received: {shown(weights)}"
        )
    check_task_names("loss_weights", weights, tasks)
    for name, weight in weights.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
            raise InputError(
                f"loss_weights[{name!r}] must be a number from 0. Received: {shown(weight)}"
            )


def _check_metrics(metrics: Any, tasks: Collection[str]) -> None:
    if metrics is None:
        return
    if not isinstance(metrics, Mapping):
        raise InputError(
            "metrics must be a dict of task → Keras metrics; the metric of a task's kind is always "
            f"there. Received: {shown(metrics)}"
        )
    check_task_names("metrics", metrics, tasks)
    for name, of_task in metrics.items():
        is_list = isinstance(of_task, Sequence) and not isinstance(of_task, str)
        if not is_list or not all(isinstance(metric, keras.metrics.Metric) for metric in of_task):
            raise InputError(
                f"metrics[{name!r}] must be a list of keras.metrics.Metric, such as "
                "[keras.metrics.SparseTopKCategoricalAccuracy(2)]. Received: "
                f"{shown(of_task)}"
            )


def _check_names(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in _ARGUMENTS:
            raise InputError(f"compile has no argument {name!r}{nearest(name, _ARGUMENTS)}")


def _check_running(given: Mapping[str, Any]) -> None:
    if given.get("auto_scale_loss"):
        raise InputError(f"auto_scale_loss: {_NO_SCALING}")
    steps, jit_compile = given.get("steps_per_execution", 1), given["jit_compile"]
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise InputError(
            f"steps_per_execution must be a whole number from 1. Received: {shown(steps)}"
        )
    if not isinstance(jit_compile, bool | None) and jit_compile != "auto":
        raise InputError(f"jit_compile must be True or False. Received: {shown(jit_compile)}")
