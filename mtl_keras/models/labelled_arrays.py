"""Checks that inputs, labels and weights of a model of several tasks fit together."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, listed, shown
from mtl_keras.models.frozen_prefix import FEATURES
from mtl_keras.models.kinds.table import kind_of

MASK = "padding_mask"


def check_inputs(x: Any) -> None:
    """Raises `InputError` unless `x` holds the model's inputs by name, of equal shapes."""
    check_input_names(x)
    shape = np.shape(x[MASK])
    for name, values in x.items():
        axes = 1 if name == FEATURES else 2  # those of sentences have a row a text
        if len(shape) != 2 or np.shape(values)[:axes] != shape[:axes]:
            raise InputError(
                f"x[{name!r}] has the shape {np.shape(values)}, {MASK!r} {shape}; both are "
                "(batch, length)"
            )


def check_input_names(x: Any) -> None:
    """Raises `InputError` unless `x` is a dict that holds the model's inputs."""
    if not isinstance(x, Mapping) or MASK not in x or not {"token_ids", FEATURES} & {*x}:
        received = listed(x) if isinstance(x, Mapping) else type(x).__name__
        raise InputError(
            f"x must be a dict with 'token_ids' and {MASK!r}, or a list of strings. Received: "
            f"{received}"
        )


def check_arrays(x: Any, labels: Any, weights: Any, tasks: Mapping[str, Task]) -> None:
    """Checks whole arrays.

    Args:
        x: inputs, by name.
        labels: task → its labels.
        weights: task → its weights; or None.
        tasks: of the model.

    Raises:
        InputError: a part is absent, of another shape, or a label is none of its task's.
    """
    check_inputs(x)
    check_keys(labels, weights, tasks)
    for name, task in tasks.items():
        mask_shape = np.shape(x[MASK])
        _check_labels(task, labels[name], mask_shape)
        if weights is not None:
            shape = mask_shape[: kind_of(task).reads.axes]
            _check_shape(f"sample_weight[{name!r}]", np.shape(weights[name]), shape)


def as_arrays(by_task: Any) -> dict[str, Any]:
    """Returns labels or weights by task as arrays: Keras takes a list for several inputs."""
    return {
        name: np.asarray(values) if isinstance(values, list | tuple) else values
        for name, values in by_task.items()
    }


def check_keys(labels: Any, weights: Any, tasks: Collection[str]) -> None:
    """Raises `InputError` unless labels, and weights if there are any, are those of the tasks."""
    for what, values in {"labels": labels, "sample weights": weights}.items():
        if what == "sample weights" and values is None:
            continue
        if not isinstance(values, Mapping) or set(values) != set(tasks):
            received = sorted(values) if isinstance(values, Mapping) else type(values).__name__
            raise InputError(
                f"{what} are a dict with the tasks {sorted(tasks)}. Received: {received}"
            )


def check_ranks(labels: Mapping[str, Any], weights: Mapping[str, Any], tasks: Mapping) -> None:
    """Raises `InputError` if the tensors of a batch have another number of axes."""
    for name, task in tasks.items():
        axes = kind_of(task).reads.axes
        expected = {"labels": axes + len(_none_of(task).shape[1:]), "sample weights": axes}
        for what, values in (("labels", labels), ("sample weights", weights)):
            rank = tf.TensorShape(values[name].shape).rank
            if rank is not None and rank != expected[what]:
                raise InputError(
                    f"{what} of {name!r} have the shape {tuple(values[name].shape)}, but need "
                    f"{expected[what]} axes"
                )


def _check_labels(task: Task, labels: Any, mask_shape: tuple[int, ...]) -> None:
    what = f"y[{task.name!r}]"
    none = _none_of(task)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iufb":
        raise InputError(
            f"{what} must be numbers: a label is its index in Task.classes: "
            f"{listed(task.classes)}. Received: {labels.dtype}"
        )
    _check_shape(what, labels.shape, mask_shape[: kind_of(task).reads.axes] + none.shape[1:])
    wrong = ~np.isfinite(labels)
    if none.dtype.kind == "i":
        wrong |= (labels < 0) | (labels >= task.num_outputs) | (labels != np.floor(labels))
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        of = f", from 0 to {task.num_outputs - 1}" if none.dtype.kind == "i" else ""
        raise InputError(f"{what}{list(place)}: {shown(labels[place].item())} is no label{of}")


def _check_shape(what: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise InputError(f"{what} must have the shape {expected}. Received: {shape}")


def _none_of(task: Task) -> np.ndarray:
    """Returns labels for zero examples."""
    return task.label_kind.arrays([], task.num_outputs)["label"]
