"""The variables of a model by name, read, written and kept in files."""

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
    """Name → variable of what the model has measured in this epoch."""
    return _named("metrics", itertools.chain(*(each.variables for each in model.metrics)))


def trained_variables(model: keras.Model, groups: Collection[str]) -> dict[str, keras.Variable]:
    """Name → variable of all that a step changes: weights, optimizer state, seeds of dropout.

    Args:
        model: a compiled `MultiTaskModel`.
        groups: its layer groups that ever train; the others do not change.
    """
    weights = {id(weight) for weight in model.weights}
    optimizer = model.optimizer
    found = weight_variables(model, groups)
    found |= _named("seeds", (each for each in model.variables if id(each) not in weights))
    found |= _named("optimizer", optimizer.variables)
    for layer, each in optimizer.of_layer.items():
        found |= _named(f"optimizer of {layer}", each.variables)
    return found


def weight_variables(model: Grouped, groups: Collection[str]) -> dict[str, keras.Variable]:
    """Name → variable of the weights of some layer groups."""
    layers = itertools.chain(*(model.layer_groups[group] for group in groups))
    return {f"weights/{weight.path}": weight for layer in layers for weight in layer.weights}


def values(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    """Name → a copy of the value."""
    return {name: replicas.value_of(each) for name, each in variables.items()}


def views(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    """Name → the value, without a copy of it (`replicas.view_of`)."""
    return {name: replicas.view_of(each) for name, each in variables.items()}


def put(variables: Mapping[str, keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    """Gives the variables values of `values`.

    Raises:
        InputError: there is none for one of them, or of another shape.
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
    arrays = {each.path: replicas.view_of(each) for layer in layers for each in layer.weights}
    write_whole(path, lambda beside: write_arrays(arrays, beside))


def load_weights(model: keras.Model, path: Path) -> None:
    """Puts weights of `save_weights` into a model of the same shape; the others stay."""
    check_header(path)
    arrays = load_file(path)
    known = {variable.path: variable for variable in model.weights}
    for name, array in arrays.items():
        known[name].assign(array)


def _named(kind: str, variables: Iterable[keras.Variable]) -> dict[str, keras.Variable]:
    """By number: paths of these may be alike, or hold a number that the process counts."""
    return {f"{kind}/{number}": each for number, each in enumerate(variables)}
