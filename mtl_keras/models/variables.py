"""Reads and writes a model's variables by name, also in files."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import load_file

from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.plans.layer_groups import Grouped
from mtl_keras.storage.arrays import check_header, write_arrays
from mtl_keras.storage.writing import write_whole


def metric_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Returns name → variable of the metrics, which hold what this epoch has measured."""
    return _named("metrics", itertools.chain(*(metric.variables for metric in model.metrics)))


def trained_variables(model: keras.Model, groups: Collection[str]) -> dict[str, keras.Variable]:
    """Returns name → variable of all that a step changes: weights, seeds, and what it learned.

    Args:
        model: a compiled `MultiTaskModel`.
        groups: its layer groups that ever train; the others do not change.
    """
    weights = {id(weight) for weight in model.weights}
    optimizer = model.optimizer
    trained = weight_variables(model, groups)
    trained |= _named("seeds", (v for v in model.variables if id(v) not in weights))
    trained |= _named("optimizer", optimizer.variables)
    for layer, of_layer in optimizer.of_layer.items():
        trained |= _named(f"optimizer of {layer}", of_layer.variables)
    return trained | _named("balancing", model.balancing_state)


def weight_variables(model: Grouped, groups: Collection[str]) -> dict[str, keras.Variable]:
    """Returns name → variable of the weights of some layer groups."""
    layers = itertools.chain(*(model.layer_groups[group] for group in groups))
    return {f"weights/{weight.path}": weight for layer in layers for weight in layer.weights}


def values(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    """Returns name → a copy of the value."""
    return {name: replicas.value_of(variable) for name, variable in variables.items()}


def views(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    """Returns name → the value, not copied (`replicas.view_of`)."""
    return {name: replicas.view_of(variable) for name, variable in variables.items()}


def put(variables: Mapping[str, keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    """Sets the variables to arrays that `values` returned.

    Raises:
        InputError: a variable has no array, or one of another shape.
    """
    for name, variable in variables.items():
        if name not in arrays or arrays[name].shape != tuple(variable.shape):
            raise InputError(
                f"the checkpoint has no {name} of shape {tuple(variable.shape)}: it is of another "
                "model; resume with the encoder and the mtl_keras that it began with"
            )
        replicas.put(variable, arrays[name])


def save_weights(model: keras.Model, groups: Iterable[str], path: Path) -> None:
    """Writes the weights of some layer groups, without the optimizer's state, whole or not at all.

    Raises:
        WorkError: the file cannot be written.
    """
    layers = itertools.chain.from_iterable(model.layer_groups[group] for group in groups)
    arrays = {v.path: replicas.view_of(v) for layer in layers for v in layer.weights}
    write_whole(path, lambda beside: write_arrays(arrays, beside))


def load_copied(model: keras.Model, path: Path) -> None:
    """Loads weights that `save_weights` wrote of a model in which all blocks are shared. Tasks' own
    copies of a block get its weights too; others stay.
    """
    check_header(path)
    arrays = load_file(path)
    branches = tuple("-".join(branch.tasks) + "." for branch in model.branches.branches)
    for variable in model.weights:
        of_branch = next(filter(variable.path.startswith, branches), "")
        if (name := variable.path.removeprefix(of_branch)) in arrays:
            replicas.put(variable, arrays[name])


def load_weights(model: keras.Model, path: Path) -> None:
    """Loads weights that `save_weights` wrote into a model of the same shape; others stay."""
    check_header(path)
    arrays = load_file(path)
    by_path = {variable.path: variable for variable in model.weights}
    for name, array in arrays.items():
        by_path[name].assign(array)


def _named(kind: str, variables: Iterable[keras.Variable]) -> dict[str, keras.Variable]:
    """Returns name → variable, named by number: their paths may be equal or differ by process."""
    return {f"{kind}/{number}": variable for number, variable in enumerate(variables)}
